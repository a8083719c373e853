"""`manage.py train --project P --by E-MAIL --reason …`: freeze what was approved and launch a run."""

import secrets
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from labelhub.body import stored_text
from labelhub.errors import Refused
from labelhub.people.models import User
from labelhub.projects.models import Project
from training.lm.recipes import NAMED
from training.registry.actions import freeze_and_launch, latest_report
from training.registry.live import live_version
from training.runs.bases import ensure_on_base
from training.runs.models import ModelVersion, TrainingRun


class Command(BaseCommand):
    help = "Freeze a project's approved labels and launch a run; the training worker carries it out."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, help="Slug of the project.")
        parser.add_argument("--by", required=True, help="E-mail of the admin in whose name it runs.")
        parser.add_argument("--reason", required=True)
        parser.add_argument("--recipe", choices=[*NAMED], default="balanced")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--wait", action="store_true", help="Until the gate has judged the version.")

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(slug=options["project"]).first()
        person = User.objects.filter(email=options["by"].lower(), is_active=True).first()
        if project is None or person is None:
            raise CommandError("There is no such project, or no such person.")
        try:
            run = freeze_and_launch(
                project, recipe=NAMED[options["recipe"]], by=person, reason=stored_text(options["reason"])[0],
                token=secrets.token_hex(16), seed=options["seed"],
            )  # fmt: skip
        except Refused as refusal:
            raise CommandError(refusal.detail) from refusal
        self.stdout.write(f"{run} of {project} is queued with {run.snapshot}: {run.snapshot.rows.count()} rows.")
        if options["wait"]:
            self._wait(run)

    def _wait(self, run: TrainingRun) -> None:
        while TrainingRun.objects.active().filter(pk=run.pk).exists():
            time.sleep(1)
        run.refresh_from_db()
        version = ModelVersion.objects.filter(run=run).first()
        if version is None:
            raise CommandError(f"{run} {run.state}: {run.failure}")
        while (gate := latest_report(version)) is None:
            self._ensure_it_is_judged(version)
            time.sleep(1)
        self.stdout.write(f"{version}, {version.adapter_sha256}: the gate {'passed' if gate.passed else 'refused'}.")
        for rule in gate.rules:
            self.stdout.write(f"  {'✓' if rule['passed'] else '✕'} {rule['rule']}: {rule['value']}")

    def _ensure_it_is_judged(self, version: ModelVersion) -> None:
        """Raises CommandError where no verdict will come: the follow-up says so in the log of a worker only."""
        failed = version.evaluations.filter(state="failed").order_by("-pk").first()
        if failed:
            raise CommandError(f"The evaluation of {version} failed: {failed.failure}")
        if not version.evaluations.exists():
            try:
                ensure_on_base(version, live_version(version.project))
            except Refused as refusal:
                raise CommandError(f"{version} is not compared with what is live. {refusal.detail}") from refusal
