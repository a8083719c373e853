"""Writing down what was done, also when the database is away for a while."""

import time
from collections.abc import Callable
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection

T = TypeVar("T")
PAUSE_S = 0.5


def patiently(write: Callable[[], T], *, for_s: float = 120) -> T:
    """`write`, again and again until the database answers: its restart must not have the work done anew."""
    until = time.monotonic() + for_s
    while True:
        try:
            return write()
        except (OperationalError, InterfaceError):
            if connection.in_atomic_block or time.monotonic() > until:
                raise
            connection.close()
            time.sleep(PAUSE_S)
