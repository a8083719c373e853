"""What every command in a folder shares: one worker at a time, stopping when asked, failing in words."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from training.lm.contract import CANCEL, Exit, State, Status, read_status, write_status
from training.lm.files import Refused

DISK_IS_FULL = "The disk is full: free some space and start again."
# how the libraries below say it when it is not an OSError: a checkpoint that could not be written to its end, a library
# that could not be loaded
FULL_DISK = ("No space left", "write failed", "unexpected pos", "PytorchStreamWriter")
# The last is what Python says when C code got no memory and did not say so itself.
NO_MEMORY = ("allocate memory", "failed to map segment", "returned NULL without setting an exception")


class Busy(Exception):
    """Another process is at work in this folder; it is left alone."""


class Stopped(Exception):
    """The work was asked to end before it was done."""


@dataclass
class Stop:
    """Whether and why work is to end early; set by a signal or by the cancel file."""

    folder: Path
    state: State | None = None

    def asked(self) -> bool:
        if (self.folder / CANCEL).exists():
            self.state = State.CANCELLED
        return self.state is not None

    def check(self) -> None:
        """Raises Stopped when the work was asked to end."""
        if self.asked():
            raise Stopped


EXITS = {
    State.SUCCEEDED: Exit.SUCCEEDED,
    State.FAILED: Exit.FAILED,
    State.CANCELLED: Exit.CANCELLED,
    State.INTERRUPTED: Exit.INTERRUPTED,
}


def perform(folder: Path, body: Callable[[Path, Stop], Status]) -> Exit:
    """Runs `body` alone in `folder` and writes how it ended. Raises Busy when somebody else is in there.

    `body` returns its last status, or raises Refused (nothing was done), Stopped, or whatever went wrong.
    """
    with _alone(folder), _stoppable(folder) as stop:
        start = write_status(folder, Status(State.STARTING))
        try:
            stop.check()
            end = body(folder, stop)
            code = EXITS[end.state]
        except Stopped:
            end = replace(_last(folder, start), state=stop.state or State.INTERRUPTED)
            code = EXITS[end.state]
        except Refused as error:
            end, code = replace(start, state=State.FAILED, reason=f"Refused: {error}"), Exit.REFUSED
        except Exception as error:
            traceback.print_exc()
            end, code = replace(_last(folder, start), state=State.FAILED, reason=in_words(error)), Exit.FAILED
        write_status(folder, end)
        return code


def _last(folder: Path, start: Status) -> Status:
    return read_status(folder) or start


def in_words(error: BaseException) -> str:
    """What went wrong, for somebody who did not write this program."""
    text = str(error)
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if full or any(sign in text for sign in FULL_DISK):
        return DISK_IS_FULL
    if isinstance(error, MemoryError) or any(sign in text for sign in NO_MEMORY):
        return "Not enough memory: choose a smaller batch or a smaller model."
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    if not folder.is_dir():
        raise Busy(f"{folder} is not a folder")
    handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise Busy("another process is at work in this folder") from None
    finally:
        os.close(handle)


@contextmanager
def _stoppable(folder: Path) -> Iterator[Stop]:
    stop = Stop(folder)

    def interrupt(*_: object) -> None:
        stop.state = State.INTERRUPTED

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
