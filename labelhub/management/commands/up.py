"""The whole site on one machine: prepares the database and the static files, starts every process, watches them."""

import fcntl
import json
import logging
import os
import signal
import threading
import urllib.error
import urllib.request
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection

from labelhub import embedded
from labelhub.jobs import sweeper
from labelhub.jobs.canary import worker_alive
from labelhub.jobs.models import Cluster
from labelhub.management.children import end_all
from labelhub.management.programs import Addresses, addresses, programs
from labelhub.management.static import collect_if_needed

logger = logging.getLogger(__name__)

LOOK_S, SWEEP_S = 0.25, 5.0
SILENT_CLUSTER_S = 45  # three canaries missed
END_WITHIN_S = 7


class Command(BaseCommand):
    help = "Runs web, gateway, workers and inference on this machine until it is stopped."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000, help="of the pages; 0: free ports for everything")
        parser.add_argument("--no-inference", action="store_true", help="models are served elsewhere, or not at all")
        parser.add_argument("--ready-file", type=Path, help="written once the site answers")

    def handle(self, *args: Any, **options: Any) -> None:
        settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
        with (settings.DATA_DIR / "up.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CommandError(f"The site of {settings.DATA_DIR} is up already.") from None
            self._prepare()
            where = addresses(options["host"], options["port"], inference=not options["no_inference"])
            Site(where, options["ready_file"]).run()

    def _prepare(self) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        call_command("createcachetable", verbosity=0)
        collect_if_needed()


class Site:
    """The running processes, and what is told about them in up.json."""

    def __init__(self, where: Addresses, ready_file: Path | None) -> None:
        self.where, self.ready_file = where, ready_file
        self.children = programs(where)
        self.ready = False
        self.ending = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: self.ending.set())

    def run(self) -> None:
        try:
            turns = 0
            while not self.ending.is_set():
                changed = [child.tend() for child in self.children]
                if any(changed):
                    self._tell()
                if turns % round(SWEEP_S / LOOK_S) == 0:
                    self._look_after_jobs()
                if not self.ready and turns % 2 == 0 and answers(self.where):
                    self._announce()
                turns += 1
                self.ending.wait(LOOK_S)
        finally:
            end_all(self.children, within_s=END_WITHIN_S)
            (settings.DATA_DIR / "up.json").unlink(missing_ok=True)

    def _look_after_jobs(self) -> None:
        """Sweep, and end a cluster whose canary has fallen silent. A database that is away is waited for."""
        try:
            sweeper.sweep()
            for child in self.children:
                if child.name in Cluster.values and child.process and child.age_s > SILENT_CLUSTER_S:
                    silence = worker_alive(child.name)
                    if silence is None or silence > SILENT_CLUSTER_S:
                        logger.error("The cluster %s is silent for %s s: ending it.", child.name, silence)
                        child.kill()
        except DatabaseError as error:
            logger.warning("The database does not answer: %s", error)
            connection.close()
            embedded.revive(os.environ.get("DATABASE_URL", ""))

    def _announce(self) -> None:
        self.ready = True
        self._tell()
        if self.ready_file:
            _write(self.ready_file, (settings.DATA_DIR / "up.json").read_text())
        print(f"LabelHub is up at {self.where.url(self.where.web)}", flush=True)

    def _tell(self) -> None:
        where = self.where
        facts = {
            "pid": os.getpid(),
            "ready": self.ready,
            "web": where.url(where.web),
            "gateway": where.url(where.gateway),
            "inference": f"http://127.0.0.1:{where.inference}/v1" if where.inference else None,
            "children": {child.name: child.process.pid for child in self.children if child.process},
        }
        _write(settings.DATA_DIR / "up.json", json.dumps(facts, indent=1))


def answers(where: Addresses) -> bool:
    """Whether the site is ready: pages, both clusters and inference answer.

    Pages are asked as by the proxy in front: by the site's own name, of what came in over HTTPS. Inference stands
    behind no proxy and trusts the names of this machine only.
    """
    pages, by_proxy = where.url(where.web), {"Host": settings.ALLOWED_HOSTS[0], "X-Forwarded-Proto": "https"}
    if not all(_is_fine(f"{pages}/health/{of}", by_proxy) for of in ("ready", "worker")):
        return False
    return not where.inference or _is_fine(f"http://127.0.0.1:{where.inference}/health", {})


def _is_fine(url: str, headers: dict[str, str]) -> bool:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _write(file: Path, text: str) -> None:
    """All of it or nothing is ever seen."""
    new = file.with_name(f".{file.name}.new")
    new.write_text(text)
    new.replace(file)
