"""How follow-ups read what is new, once and in order, without a job per event."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from django.db import connection, models, transaction
from django.db.models.functions import Least

from annotations.capture.models import Watermark
from labelhub.jobs.follow_ups import following
from labelhub.projects.models import Project

# Ids are drawn before their transaction commits, so a lower id can appear after a higher one was read. The watermark
# therefore stays behind whatever a transaction that is still open may have drawn; one that is open for longer than
# this, as an import is, makes its readers read again when it ends (`rewind`).
OPEN_FOR = timedelta(seconds=15)
DRAWING = timedelta(seconds=2)  # from the start of a statement to the last id that it draws; it may wait for a lock
OLDEST_OPEN = """
    SELECT coalesce(min(xact_start), statement_timestamp()), statement_timestamp() FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
# What this process has read beyond a watermark, with the time of receipt: it saves reading that again, and no more.
_ahead: dict[tuple[str, int], dict[int, datetime]] = {}
BATCH = 500


class Unread(list[Any]):
    """Rows after the watermark, oldest first; `more` tells that the batch was full."""

    more = False


@contextmanager
def unread(follow_up: str, project: Project, rows: models.QuerySet[Any]) -> Iterator[Unread]:
    """The next rows for `follow_up`; the watermark moves when the block ends well, in the same transaction.

    Another process may get rows again as long as others can still appear before them: readers must not mind.
    """
    reader = (follow_up, project.pk)
    with transaction.atomic():
        Watermark.objects.get_or_create(follow_up=follow_up, project=project)
        mark = Watermark.objects.select_for_update().get(follow_up=follow_up, project=project)
        ahead = {pk: at for pk, at in _ahead.get(reader, {}).items() if pk > mark.position}
        settled_before = _settled_before()
        batch = Unread(rows.filter(pk__gt=mark.position).exclude(pk__in=ahead).order_by("pk")[:BATCH])
        batch.more = len(batch) == BATCH
        yield batch
        ahead |= {row.pk: row.received_at for row in batch}
        settled = list(takewhile(lambda pk: ahead[pk] < settled_before, sorted(ahead)))
        if settled:
            Watermark.objects.filter(pk=mark.pk).update(position=settled[-1])
        left = {pk: ahead[pk] for pk in ahead.keys() - settled}
        transaction.on_commit(lambda: _ahead.update({reader: left}))


def _settled_before() -> datetime:
    """Rows received earlier than this are preceded by none that is still to come. Asked before they are read."""
    with connection.cursor() as cursor:
        cursor.execute(OLDEST_OPEN)
        oldest, now = cursor.fetchone()
    settled: datetime = max(oldest - DRAWING, now - OPEN_FOR)
    return settled


def rewind(project: Project, event: str, to: int) -> None:
    """Make the followers of `event` read again from `to` on: for rows that were long in one transaction.

    The id is one of the table that `event` is about. A follow-up's watermark bears its function's name.
    """
    names = [one.path.rpartition(".")[2] for one in following(event)]
    marks = Watermark.objects.filter(project=project, follow_up__in=names)
    marks.update(position=Least("position", max(to - 1, 0)))
