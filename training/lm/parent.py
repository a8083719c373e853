"""A child that ends when the process that started it does, however that one ended (Linux)."""

from __future__ import annotations

import ctypes
import os
import signal

PR_SET_PDEATHSIG = 1


def end_with_parent(number: int = signal.SIGTERM) -> None:
    """Asks the kernel for a signal when the starting thread's process ends.

    Raises OSError when the system refuses. A parent that goes while this asks counts as ending now. One that was gone
    before is not missed: its place was taken by another process, which nothing here can tell from it.
    """
    parent = os.getppid()
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl refused")
    if os.getppid() != parent:
        os.kill(os.getpid(), number)
