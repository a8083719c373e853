"""`manage.py export_dataset --project P [--snapshot N]`: a snapshot as JSON lines, with where each row comes from."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from training.datasets.models import DatasetSnapshot
from training.datasets.rows import as_row, content_sha256
from training.lm.files import write_whole


class Command(BaseCommand):
    help = "Write a snapshot's rows as JSON lines: chat messages, answer, kind, source and hash of each."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, help="Slug of the project.")
        parser.add_argument("--snapshot", type=int, help="Its number; without, the newest.")
        parser.add_argument("--out", type=Path, help="The file to write; without, the output of this command.")

    def handle(self, *args: Any, **options: Any) -> None:
        rows = DatasetSnapshot.objects.filter(project__slug=options["project"]).newest_first()
        snapshot = (rows.filter(number=options["snapshot"]) if options["snapshot"] else rows).first()
        if snapshot is None:
            raise CommandError("There is no such snapshot.")
        if content_sha256(snapshot) != snapshot.content_sha256:
            raise CommandError(f"{snapshot} was changed after it was made: its hash differs. Nothing was written.")
        lines = [
            json.dumps({**as_row(row).to_json(), "source": row.source, "sha256": row.row_sha256}, ensure_ascii=False)
            for row in snapshot.rows.order_by("position")
        ]
        text = "".join(f"{line}\n" for line in lines)
        if options["out"]:
            write_whole(options["out"], text)
        else:
            self.stdout.write(text, ending="")
        print(f"{snapshot}: {len(lines)} rows, {snapshot.content_sha256}", file=sys.stderr)
