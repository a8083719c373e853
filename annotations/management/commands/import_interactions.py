"""manage.py import_interactions FILE --project P --map output=answer …"""

from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotations.capture.actions.imports import import_interactions
from annotations.capture.models import ImportJob
from labelhub.errors import Refused
from labelhub.projects.models import Project

SHOWN_REJECTS = 20


def pair(text: str) -> tuple[str, str]:
    target, _, source = text.partition("=")
    if not (target and source):
        raise ArgumentTypeError(f"{text!r} is no TARGET=FIELD, such as output=answer")
    return target, source


class Command(BaseCommand):
    help = "Import past interactions from a JSONL file: all of it or nothing; rejects are listed by line."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--project", required=True, help="slug of the project")
        parser.add_argument(
            "--map", nargs="+", action="extend", type=pair, default=[], metavar="TARGET=FIELD",
            help="which field of a line becomes what, e.g. prompt=question output=answer thumb=correct",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        mapping = dict(options["map"]) or {"prompt": "prompt", "output": "output"}
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"There is no project {options['project']!r}.")
        if not options["file"].is_file():
            raise CommandError(f"There is no file {options['file']}.")
        try:
            job = import_interactions(project, options["file"], mapping, progress=self._progress)
        except Refused as refusal:
            raise CommandError(refusal.detail) from None
        if job.state == ImportJob.State.FAILED:
            of_the_file, *of_lines = job.rejects
            for reject in of_lines[:SHOWN_REJECTS]:
                self.stderr.write(f"line {reject['line']}: {reject['error']}")
            raise CommandError(of_the_file["error"])
        self.stdout.write(f"{job.lines} lines: {job.created} new, {job.already_there} were there already.")

    def _progress(self, lines: int) -> None:
        self.stdout.write(f"\r{lines} lines", ending="")
        self.stdout.flush()
