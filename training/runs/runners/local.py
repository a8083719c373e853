"""A subprocess on this machine. It ends with the process that started it, and no second one enters its folder."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from django.conf import settings

from training.datasets.lengths import kernel_environment
from training.lm.contract import CANCEL, LOG, State, Status, read_status
from training.lm.files import Refused
from training.runs.runners.contract import Handle, Progress

LOCK = ".lock"
PATIENCE_S = 10  # from asking a process to end until it is killed
DYING_S = 5  # and from then on until it is given up: together less than a supervisor may be silent
ENDED = {State.SUCCEEDED, State.FAILED, State.CANCELLED}


class LocalRunner:
    def __init__(self) -> None:
        self._children: dict[int, subprocess.Popen[bytes]] = {}

    def submit(self, folder: Path, command: str) -> Handle:
        """Raises OSError when the process cannot be started, or another one does not leave the folder."""
        if not self.evict(folder):
            raise OSError(f"Another process is at work in {folder} and does not end.")
        with (folder / LOG).open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", "training.lm", command, str(folder), "--with-parent"],
                cwd=settings.BASE_DIR, env=kernel_environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self._children[child.pid] = child
        return Handle(folder, command, child.pid)

    def poll(self, handle: Handle) -> Progress:
        alive = self._children[handle.pid].poll() is None
        return Progress(alive, said(handle.folder))

    def cancel(self, handle: Handle) -> None:
        (handle.folder / CANCEL).touch()

    def stop(self, handle: Handle) -> None:
        child = self._children[handle.pid]
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def logs(self, handle: Handle, offset: int) -> tuple[str, int]:
        return read_log(handle.folder, offset)

    def collect(self, handle: Handle, destination: Path) -> None:
        """The folder is on this machine already."""
        if destination.resolve() != handle.folder.resolve():
            raise ValueError("a local run stays in its folder")

    def evict(self, folder: Path) -> bool:
        asked = time.monotonic()
        while folder.is_dir() and not is_free(folder):
            waited = time.monotonic() - asked
            if waited > PATIENCE_S + DYING_S:
                return False
            status = said(folder)
            if status and works_in(status.pid, folder):
                with suppress(ProcessLookupError):  # it has ended just now
                    os.kill(status.pid, signal.SIGKILL if waited > PATIENCE_S else signal.SIGTERM)
            time.sleep(0.2)
        return True


def said(folder: Path) -> Status | None:
    """What the work last said of itself, None if nothing that can be read."""
    try:
        return read_status(folder)
    except Refused:
        return None


def is_free(folder: Path) -> bool:
    """Whether no kernel is at work there."""
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def works_in(pid: int, folder: Path) -> bool:
    """Whether process `pid` is a kernel in this very folder, and not one that got the number later."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"training.lm" in words and os.fsencode(folder) in words


def read_log(folder: Path, offset: int, most: int = 20_000) -> tuple[str, int]:
    """At most `most` bytes from `offset` (negative: from the end) on, and where the next ones start."""
    try:
        with (folder / LOG).open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(0, size + offset) if offset < 0 else min(offset, size))
            return log.read(most).decode(errors="replace"), log.tell()
    except FileNotFoundError:
        return "", 0
