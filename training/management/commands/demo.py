"""manage.py demo: one correction travels the whole way, on a database of its own, and the site stays up."""

import json
import os
import secrets
import signal
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from labelhub.environment import read_bool
from labelhub.keys.actions import create_key
from labelhub.keys.models import Scope
from labelhub.people.models import User
from labelhub.projects.actions import add_member, create_project
from labelhub.projects.models import Project
from labelhub.projects.rights import Role
from training.datasets.base_model import base_folder, base_sha256
from training.loop.demo import customers, report, site
from training.loop.demo.people import Expert, Moderator, Person, Server
from training.loop.demo.story import Story

DATA_DIR = Path(settings.BASE_DIR) / "var" / "demo"
PEOPLE = [("ines", Role.EXPERT), ("omar", Role.MODERATOR), ("ada", Role.ADMIN)]
SCOPES = {
    Role.EXPERT: [Scope.LABEL],
    Role.MODERATOR: [Scope.READ, Scope.LABEL, Scope.APPROVE],
    Role.ADMIN: [Scope.READ, Scope.TRAIN, Scope.ADMIN],
}


class Command(BaseCommand):
    help = "Set up a shop's support project, run one loop over HTTP, print what happened, leave the site up."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seed", type=int, default=int(os.environ.get("DEMO_SEED", "1")))
        parser.add_argument("--exit", action="store_true", default=read_bool("DEMO_EXIT"), help="end after the report")
        parser.add_argument(
            "--shuffle-rewrites", action="store_true", help="plant wrong corrections: the gate must refuse"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.DATABASES["default"]["NAME"] != site.DATABASE:
            self._begin_on_own_database()
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the site ends with this process
        started = time.monotonic()
        manage = Path(settings.BASE_DIR) / "manage.py"
        try:
            process, where = site.start(DATA_DIR, manage, fixed_port=not options["exit"])
        except RuntimeError as error:
            raise CommandError(str(error)) from None
        try:
            held = self._tell(where, started, **options)
            if not options["exit"]:
                self._stay(where, process)
        except (RuntimeError, TimeoutError) as error:
            raise CommandError(str(error)) from None
        finally:
            site.stop(process)
        if not held:
            sys.exit(1)

    def _begin_on_own_database(self) -> None:
        """Replaces this process by one whose settings name the demo's database."""
        site.stop_earlier(DATA_DIR)
        site.rebuild(dict(settings.DATABASES["default"]), DATA_DIR)
        os.execve(sys.executable, [sys.executable, *sys.argv], site.environment(settings.DATABASE_URL, DATA_DIR))

    def _tell(self, where: site.Addresses, started: float, **options: Any) -> bool:
        """The story and its report; whether everything that must hold held."""
        project, keys = self._people()
        asked = customers.exchanges(options["seed"])
        customers.answer(asked, str(base_folder()), base_sha256(), DATA_DIR / "customers")
        customers.react(asked, options["seed"])
        story = Story(
            options["seed"], options["shuffle_rewrites"], Server(where.web, where.gateway, keys["server"]),
            Expert(where.web, keys["ines"]), Moderator(where.web, keys["omar"]), Person(where.web, keys["ada"]),
            asked, self._say, started,
        )  # fmt: skip
        story.run()
        facts = report.report(project, seed=options["seed"], wall_s=time.monotonic() - started)
        (DATA_DIR / "report.json").write_text(json.dumps(facts, indent=2) + "\n")
        found = report.checks(facts)
        for check in found:
            self._say(f"{'✓' if check.held else '✕'} {check.what}: {check.value} ({check.limit})")
        self._say("report: var/demo/report.json")
        return all(check.held for check in found)

    def _people(self) -> tuple[Project, dict[str, str]]:
        operator = User.objects.create_superuser("operator@fernway.example", secrets.token_urlsafe(12), name="Olga")
        project = create_project(slug="fernway", name="Fernway support", by=operator, two_person_promotion=False)
        keys = {
            "server": create_key(
                project, by=operator, scopes=[Scope.INGEST, Scope.FEEDBACK, Scope.INJECT], service="shop"
            )[1]
        }
        self.passwords = {}
        for name, role in PEOPLE:
            self.passwords[name] = secrets.token_urlsafe(12)
            person = User.objects.create_user(f"{name}@fernway.example", self.passwords[name], name=name.capitalize())
            add_member(project, person, role=role, by=operator)
            keys[name] = create_key(project, by=person, scopes=SCOPES[role])[1]
        return project, keys

    def _stay(self, where: site.Addresses, process: Any) -> None:
        self._say(f"\nThe site is up at {where.web} until you press Ctrl-C. Sign in as:")
        for name, role in PEOPLE:
            self._say(f"  {name}@fernway.example  {self.passwords[name]}  ({role})")
        try:
            process.wait()
        except KeyboardInterrupt:
            self._say("")

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
