"""`manage.py doctor [--quick] [--json]`: look whether what must hold holds. Reads only; exit 1 at a breach."""

import json
import sys
import time
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from labelhub.invariants import Finding
from training.loop.doctor import examine


class Command(BaseCommand):
    help = "Look at every invariant of the database and the adapters; name each breach and what to do. Only reads."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--quick", action="store_true", help="Leave out what hashes rows and files again.")
        parser.add_argument("--json", action="store_true", help="One JSON object instead of lines.")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        found = []
        for slice_, finding in examine(quick=options["quick"]):
            found.append((slice_, finding))
            if not options["json"]:
                self._tell(slice_, finding)
        breaches = sum(finding.breaches for _, finding in found)
        seconds = round(time.monotonic() - started, 2)
        if options["json"]:
            rows = [{"slice": slice_, **asdict(finding)} for slice_, finding in found]
            facts = {"clean": not breaches, "breaches": breaches, "seconds": seconds, "invariants": rows}
            self.stdout.write(json.dumps(facts, indent=1))
        else:
            verdict = f"{breaches} breaches" if breaches else "clean"
            self.stdout.write(f"{len(found)} invariants in {seconds} s: {verdict}.")
        if breaches:
            sys.exit(1)

    def _tell(self, slice_: str, finding: Finding) -> None:
        mark = "✕" if finding.breaches else "✓"
        many = f", {finding.breaches} breaches" if finding.breaches else ""
        self.stdout.write(f"{mark} {slice_}: {finding.name} ({finding.checked} rows{many})")
        for sentence in finding.first:
            self.stdout.write(f"    {sentence}")
        if finding.breaches > len(finding.first):
            self.stdout.write(f"    … and {finding.breaches - len(finding.first)} more")
        self.stdout.flush()
