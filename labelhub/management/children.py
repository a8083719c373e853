"""Programs that are started, watched, started again when they die, and ended. Knows no Django."""

import contextlib
import logging
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field

from labelhub.jobs.tied import die_with

logger = logging.getLogger(__name__)

FIRST_PAUSE_S, LONGEST_PAUSE_S, HEALTHY_AFTER_S = 0.2, 5.0, 20.0


@dataclass
class Child:
    """One program in a process group of its own, killed by the kernel when we die."""

    name: str
    command: list[str]
    environment: dict[str, str] = field(repr=False)
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    pause_s: float = FIRST_PAUSE_S
    not_before: float = 0.0

    @property
    def age_s(self) -> float:
        return time.monotonic() - self.started_at

    def start(self) -> None:
        parent = os.getpid()
        self.process = subprocess.Popen(
            self.command,
            env=os.environ | self.environment,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            preexec_fn=lambda: die_with(parent),  # a kill -9 of ours ends it too
        )
        self.started_at = time.monotonic()

    def tend(self) -> bool:
        """Start it if it does not run and its pause is over. True if its process changed."""
        if self.process is not None:
            if self.process.poll() is None:
                return False
            self._bury(self.process)
            return True
        if time.monotonic() < self.not_before:
            return False
        self.start()
        return True

    def _bury(self, process: subprocess.Popen[bytes]) -> None:
        """It died: end what is left of its group, and wait longer each time before the next start."""
        self.kill()
        self.process = None
        self.pause_s = FIRST_PAUSE_S if self.age_s > HEALTHY_AFTER_S else min(self.pause_s * 2, LONGEST_PAUSE_S)
        self.not_before = time.monotonic() + self.pause_s
        logger.error("%s ended (%s); starting it again in %.1f s", self.name, process.returncode, self.pause_s)

    def ask_to_end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """The whole group; the number of a dead leader stays its group's while anybody is left in it."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)


def end_all(children: list[Child], *, within_s: float) -> None:
    """Ask all to end, wait, kill what is left."""
    for child in children:
        child.ask_to_end()
    until = time.monotonic() + within_s
    for child in children:
        if child.process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(max(0.0, until - time.monotonic()))
    for child in children:
        child.kill()
        if child.process is not None:
            child.process.wait()
