"""Two transactions at once, in a fixed order: what does the second do that began while the first was open?"""

import threading
import time
from collections.abc import Callable
from typing import Any

from django.db import connection, transaction

WAITS_S = 10


def at_once(first: Callable[[], Any], second: Callable[[], Any]) -> Any:
    """What `second` returned, or the exception that it raised.

    It begins while the transaction of `first` is open, which commits once `second` waits for it, or is through.
    """
    told: list[Any] = []

    def run() -> None:
        try:
            told.append(second())
        except Exception as error:
            told.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    with transaction.atomic():
        first()
        thread.start()
        ends = time.monotonic() + WAITS_S
        while thread.is_alive() and not _somebody_waits() and time.monotonic() < ends:
            time.sleep(0.01)
    thread.join()
    return told[0]


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")  # or a transaction sees the first moment only
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
            " AND wait_event_type = 'Lock' AND pid <> pg_backend_pid())"
        )
        row = cursor.fetchone()
    return bool(row and row[0])
