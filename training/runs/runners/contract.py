"""What carries a folder to a machine that trains, whichever it is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from training.lm.contract import State, Status


@dataclass(frozen=True)
class Handle:
    """Work that was submitted: where its folder is, and which process does it."""

    folder: Path
    command: str
    pid: int


@dataclass(frozen=True)
class Progress:
    """Where the work stands. `alive`: something is still doing it. `status`: what it last said of itself."""

    alive: bool
    status: Status | None

    @property
    def state(self) -> State | None:
        return self.status.state if self.status else None

    @property
    def reason(self) -> str:
        return self.status.reason if self.status else ""


class Runner(Protocol):
    def submit(self, folder: Path, command: str) -> Handle:
        """Start `python -m training.lm COMMAND FOLDER`; it goes on from the newest checkpoint there."""

    def poll(self, handle: Handle) -> Progress: ...

    def cancel(self, handle: Handle) -> None:
        """Ask it to stop at the next step, for good."""

    def stop(self, handle: Handle) -> None:
        """End it now; what it has saved stays, so that it can go on later. Returns when nothing runs any more."""

    def evict(self, folder: Path) -> bool:
        """End what a dead supervisor left at work in `folder`. False if somebody holds it all the same.

        Raises OSError where that cannot be told, or nothing be done about it.
        """

    def logs(self, handle: Handle, offset: int) -> tuple[str, int]:
        """What was logged from byte `offset` on, and the offset to ask from next."""

    def collect(self, handle: Handle, destination: Path) -> None:
        """Bring what was made to `destination`, a folder on this machine."""
