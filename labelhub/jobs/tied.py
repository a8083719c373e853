"""Tying processes together: none outlives the one that started it, however that one dies. Linux only."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with(parent: int) -> None:
    """Have the kernel kill this process when `parent`, which started it, ends; at once if that has happened."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)


def tie_forks() -> None:
    """From now on each process forked here, and each forked there, dies with the one that forked it.

    Programs started by subprocess are not forks in this sense: a detached supervisor stays alive.
    """
    parents = [os.getpid()]

    def in_child() -> None:
        die_with(parents[0])
        parents[0] = os.getpid()

    os.register_at_fork(after_in_child=in_child)
