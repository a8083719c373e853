"""One supervisor at a time: rows with a fence and a heartbeat, taken by compare-and-swap; and the process itself.

For rows with `fence`, `heartbeat_at`, `supervisor_pid` and a MOVES table. Whoever holds the newest fence may write.
"""

import logging
import os
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from labelhub.states import move
from training.lm.files import Refused, read_json, write_json
from training.runs.runners import configured_runner

logger = logging.getLogger(__name__)
STALE_S = 20  # without a heartbeat for so long, a supervisor counts as dead
HANGS_S = 60  # and one whose process is still there, as hanging
MOST_SUPERVISORS = 10
HOLDER = "supervisor.json"


class LostLease(Exception):
    """Another supervisor has taken over, or the work has ended: this one stops and writes nothing more."""


def unattended(rows: "models.QuerySet[Any]") -> "models.QuerySet[Any]":
    """Those of `rows` whose supervisor was not heard for long, or never."""
    return rows.filter(Q(heartbeat_at=None) | Q(heartbeat_at__lt=Now() - timedelta(seconds=STALE_S)))


def is_unattended(row: Any, folder: Path) -> bool:
    """`unattended`; at once when its supervisor is known to have died on this machine, later while it is alive here."""
    alive = _lives_here(row, folder)
    if alive is None:
        return unattended(type(row).objects.filter(pk=row.pk)).exists()
    silent = Q(heartbeat_at__lt=Now() - timedelta(seconds=HANGS_S))
    return not alive or type(row).objects.filter(silent, pk=row.pk).exists()


def announce(row: Any, folder: Path) -> None:
    """Say in the folder which process holds `row`, for `is_unattended` to look for it."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / HOLDER, {"host": socket.gethostname(), "pid": os.getpid(), "fence": row.fence})


def _lives_here(row: Any, folder: Path) -> bool | None:
    """Whether the process that holds `row` runs on this machine; None if it is elsewhere, or has not said so yet."""
    try:
        holder = read_json(folder / HOLDER)
    except Refused:
        return None
    if (holder["host"], holder["fence"]) != (socket.gethostname(), row.fence):
        return None
    try:
        return b"supervise" in Path(f"/proc/{holder['pid']}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False


def take(row: Any, **changes: Any) -> bool:
    """Become the one who looks after `row`, under its next fence. False if somebody else just did."""
    mine = type(row).objects.filter(pk=row.pk, fence=row.fence, state=row.state)
    with transaction.atomic():  # the row is held until it is read: else that might be the fence of whoever comes next
        taken = mine.update(fence=F("fence") + 1, heartbeat_at=Now(), supervisor_pid=None, **changes)
        row.refresh_from_db()
    return bool(taken)


def beat(row: Any, **changes: Any) -> None:
    """Say that `row` is looked after and write `changes`, then read it again. Raises LostLease."""
    mine = type(row).objects.filter(pk=row.pk, fence=row.fence, state=row.state)
    with transaction.atomic():  # as in `take`
        if not mine.update(heartbeat_at=Now(), supervisor_pid=os.getpid(), **changes):
            raise LostLease(f"{row} is looked after by somebody else, or has ended.")
        row.refresh_from_db()


def hold(row: Any) -> Any:
    """Lock `row` for the end of its work. Call inside a transaction. Raises LostLease."""
    locked = type(row).objects.select_for_update().filter(pk=row.pk, fence=row.fence, state=row.state).first()
    if locked is None:
        raise LostLease(f"{row} is looked after by somebody else, or has ended.")
    return locked


def adopt(row: Any, held: Any) -> None:
    """Let `row` say what `held` says, which was read while it was locked: read later, it may be somebody else's."""
    for field in row._meta.concrete_fields:
        setattr(row, field.attname, getattr(held, field.attname))


def attend(kind: str, row: Any, folder: Path, *, begun: str) -> bool:
    """Start a supervisor for `row`; what was queued is `begun`. False if it is not needed, or would be one too many."""
    first = {"state": begun, "attempt": 1, "started_at": Now()} if row.state == "queued" else {}
    if not take(row, **first):
        return False
    if row.fence > MOST_SUPERVISORS:
        _give_up(row, folder)
        return False
    spawn_supervisor(kind, row, folder)
    return True


def _give_up(row: Any, folder: Path) -> None:
    """End what is at work for `row`, and `row` in any case."""
    why = f"Its supervisor died {MOST_SUPERVISORS} times. The log of the machine may say why."
    if not _evicted(folder):
        why += f" Something is still at work in {folder}, or may be: end it by hand."
    with transaction.atomic():
        move(hold(row), to="failed", failure=why, finished_at=Now())


def _evicted(folder: Path) -> bool:
    try:
        return configured_runner().evict(folder)
    except OSError as error:
        logger.warning("Whether anything is at work in %s is not known: %s", folder, error)
        return False


def spawn_supervisor(kind: str, row: Any, folder: Path) -> None:
    """Start `manage.py supervise` for `row` under its fence, in a session of its own, outliving the caller."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "supervise", str(row.pk)]
    options = ["--kind", kind, "--fence", str(row.fence)]
    environment = {**os.environ, "LABELHUB_PROCESS": "command"}
    with (folder / "supervisor.log").open("ab") as log:
        # through a shell that leaves at once: the supervisor has no parent here that would have to reap it
        subprocess.run(
            ["/bin/sh", "-c", '"$@" &', "sh", *command, *options],
            start_new_session=True, env=environment, cwd=settings.BASE_DIR,
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True,
        )  # fmt: skip
