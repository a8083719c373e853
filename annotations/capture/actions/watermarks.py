"""How follow-ups read what is new, once and in order, without a job per event."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import models, transaction
from django.db.models.functions import Least, Now

from annotations.capture.models import Watermark
from labelhub.projects.models import Project

# Ids are drawn before their transaction commits, so a lower id can appear after a higher one was read. The watermark
# therefore stays this far behind; readers see young rows again and must not mind.
SETTLED_AFTER = timedelta(seconds=15)
BATCH = 500


class Unread(list[Any]):
    """Rows after the watermark, oldest first; `more` tells that the batch was full."""

    more = False


@contextmanager
def unread(follow_up: str, project: Project, rows: models.QuerySet[Any]) -> Iterator[Unread]:
    """The next rows for `follow_up`; the watermark moves when the block ends well, in the same transaction."""
    with transaction.atomic():
        Watermark.objects.get_or_create(follow_up=follow_up, project=project)
        mark = Watermark.objects.select_for_update().get(follow_up=follow_up, project=project)
        batch = Unread(rows.filter(pk__gt=mark.position).order_by("pk")[:BATCH])
        batch.more = len(batch) == BATCH
        yield batch
        settled = [row.pk for row in rows.filter(pk__in=[r.pk for r in batch], received_at__lt=Now() - SETTLED_AFTER)]
        if batch.more:
            settled = [row.pk for row in batch]
        if settled:
            Watermark.objects.filter(pk=mark.pk).update(position=max(settled))


def rewind(project: Project, to: int, follow_ups: list[str] | None = None) -> None:
    """Make follow-ups read again from `to` on: for rows that were long in one transaction, as an import is."""
    marks = Watermark.objects.filter(project=project)
    if follow_ups is not None:
        marks = marks.filter(follow_up__in=follow_ups)
    marks.update(position=Least("position", max(to - 1, 0)))
