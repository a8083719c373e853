"""How many requests a key may send a minute: counted in one row of Postgres, drawn in portions.

A process draws the right to a few requests at once and hands them out itself, so that the row is written a few times a
second, not at each request. No more than the limit ever pass; what a process has drawn and not used by the end of the
minute is lost. Once a minute is used up, nobody asks Postgres again before the next.
"""

import math
import threading
import time
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

from labelhub.errors import Refused
from labelhub.keys.models import ApiKey

PORTIONS = 600  # so many make up a minute's limit: a low limit is counted one by one
DRAW = """
    INSERT INTO labelhub_keyuse AS k (key_id, minute, used) VALUES (%s, date_trunc('minute', now()), %s)
    ON CONFLICT (key_id) DO UPDATE SET
        used = EXCLUDED.used + CASE WHEN k.minute >= EXCLUDED.minute THEN k.used ELSE 0 END,
        minute = greatest(k.minute, EXCLUDED.minute)
    RETURNING used, extract(epoch FROM minute + interval '1 minute' - now())::float
"""


class TooMany(Refused):
    """Over the limit of the key: 429, with the seconds until it may go on."""

    status, code = 429, "too_many_requests"

    def __init__(self, wait_s: float) -> None:
        self.retry_after = max(1, math.ceil(wait_s))
        limit = settings.LABELHUB_KEY_REQUESTS_PER_MINUTE
        super().__init__(f"This key may send {limit} requests a minute. Go on in {self.retry_after} s.")


@dataclass
class _Portion:
    left: int
    until: float  # by time.monotonic(): the end of the minute it was drawn in
    last: bool  # the minute has no more


_portions: dict[int, _Portion] = {}
_lock = threading.Lock()


def spend(key: ApiKey) -> None:
    """Count one request of `key`. Raises TooMany."""
    if not _from_portion(key.pk):
        _draw(key.pk)


def _from_portion(key_id: int) -> bool:
    """Whether a request that was drawn before is left. Raises TooMany if there will be none before the next minute."""
    with _lock:
        portion, now = _portions.get(key_id), time.monotonic()
        if portion is None or now >= portion.until:
            return False
        if portion.left:
            portion.left -= 1
            return True
        if portion.last:
            raise TooMany(portion.until - now)
        return False


def _draw(key_id: int) -> None:
    """Draw a portion and use one of it."""
    limit = settings.LABELHUB_KEY_REQUESTS_PER_MINUTE
    wanted = max(1, limit // PORTIONS)
    with connection.cursor() as cursor:
        cursor.execute(DRAW, [key_id, wanted])
        used, wait_s = cursor.fetchone()
    granted = min(wanted, limit - (used - wanted))
    with _lock:
        portion, now = _portions.get(key_id), time.monotonic()
        kept = portion.left if portion and now < portion.until else 0
        _portions[key_id] = _Portion(kept + max(granted - 1, 0), now + wait_s, last=granted < wanted)
    if granted < 1:
        raise TooMany(wait_s)
