"""What a running task may know of its Job, and the thread that says that it lives."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.db import DatabaseError, connection, transaction
from django.db.models.functions import Now

from labelhub.jobs.claims import Claim, LostJob, finish

logger = logging.getLogger(__name__)

BEAT_S = 4
_current: ContextVar[Claim | None] = ContextVar("labelhub_job", default=None)


def current() -> Claim | None:
    """The claim under which this code runs: `.job` and `.fence`. None outside of a Job."""
    return _current.get()


def still_mine() -> bool:
    """Whether what this code runs for is still wanted from it. True outside of a Job."""
    held = current()
    return held is None or held.row.exists()


@contextmanager
def effects(*, last: bool = False, result: str = "") -> Iterator[None]:
    """One transaction whose writes count only if the Job is still ours; with `last` it also ends the Job.

    Raises LostJob, before anything is written, when another worker has claimed the Job. The Job's row is locked
    until the end, so keep slow calls outside. Effects that end their Job happen exactly once, whoever is killed.
    """
    held = current()
    with transaction.atomic():
        if held and held.row.select_for_update().first() is None:
            raise LostJob(f"Job {held.job.pk} is no longer that of claim {held.fence}.")
        yield
        if held and last:
            finish(held, result)


@contextmanager
def running(held: Claim) -> Iterator[None]:
    """Inside, `current()` is `held` and a thread beats for it."""
    stop = threading.Event()
    thread = threading.Thread(target=_beat, args=(held, stop), name=f"heartbeat-{held.job.pk}", daemon=True)
    token = _current.set(held)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        _current.reset(token)
        thread.join(timeout=1)


def _beat(held: Claim, stop: threading.Event) -> None:
    """Write the heartbeat every BEAT_S seconds until `stop`; a database that is away does not end it."""
    while not stop.wait(BEAT_S):
        try:
            held.row.update(heartbeat_at=Now())
        except DatabaseError as error:
            logger.warning("No heartbeat for job %s: %s", held.job.pk, error)
            connection.close()
    connection.close()
