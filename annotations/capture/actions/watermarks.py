"""How follow-ups read what is new, once and in order, without a job per event."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from django.db import connection, models, transaction
from django.db.models.functions import Least

from annotations.capture.models import Watermark
from labelhub.projects.models import Project

# Ids are drawn before their transaction commits, so a lower id can appear after a higher one was read. The watermark
# therefore stays behind whatever a transaction that is still open may have drawn; one that is open for longer than
# this, as an import is, makes its readers read again when it ends (`rewind`).
OPEN_FOR = timedelta(seconds=15)
DRAWING = timedelta(seconds=1)  # from the start of a statement to the last id that it draws
OLDEST_OPEN = """
    SELECT coalesce(min(xact_start), statement_timestamp()), statement_timestamp() FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
BATCH = 500


class Unread(list[Any]):
    """Rows after the watermark, oldest first; `more` tells that the batch was full."""

    more = False


@contextmanager
def unread(follow_up: str, project: Project, rows: models.QuerySet[Any]) -> Iterator[Unread]:
    """The next rows for `follow_up`; the watermark moves when the block ends well, in the same transaction.

    Young rows come again until nothing can precede them: readers must not mind.
    """
    with transaction.atomic():
        Watermark.objects.get_or_create(follow_up=follow_up, project=project)
        mark = Watermark.objects.select_for_update().get(follow_up=follow_up, project=project)
        settled_before = _settled_before()
        batch = Unread(rows.filter(pk__gt=mark.position).order_by("pk")[:BATCH])
        batch.more = len(batch) == BATCH
        yield batch
        settled = [row.pk for row in takewhile(lambda row: row.received_at < settled_before, batch)]
        if settled:
            Watermark.objects.filter(pk=mark.pk).update(position=settled[-1])


def _settled_before() -> datetime:
    """Rows received earlier than this are preceded by none that is still to come. Asked before they are read."""
    with connection.cursor() as cursor:
        cursor.execute(OLDEST_OPEN)
        oldest, now = cursor.fetchone()
    settled: datetime = max(oldest - DRAWING, now - OPEN_FOR)
    return settled


def rewind(project: Project, to: int, follow_ups: list[str] | None = None) -> None:
    """Make follow-ups read again from `to` on: for rows that were long in one transaction, as an import is."""
    marks = Watermark.objects.filter(project=project)
    if follow_ups is not None:
        marks = marks.filter(follow_up__in=follow_ups)
    marks.update(position=Least("position", max(to - 1, 0)))
