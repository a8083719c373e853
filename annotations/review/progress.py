"""Where a person stands in a queue."""

from typing import TypedDict

from django.utils import timezone

from annotations.review.actions.claims import waiting_for
from annotations.review.models import Label, Queue
from labelhub.people.models import User
from labelhub.people.zones import zone_named

MANY = 1_000  # tasks left, from which on nobody counts them: "1,000+"


class Progress(TypedDict):
    done_today: int
    left: int


def progress(queue: Queue, user: User) -> Progress:
    """Labels of `user` since midnight in their zone that they stand by, and how many tasks are left, up to MANY."""
    here = timezone.localtime(timezone=zone_named(user.time_zone))
    midnight = here.replace(hour=0, minute=0, second=0, microsecond=0)
    mine = Label.objects.filter(author=user, task__queue=queue, created_at__gte=midnight, withdrawal=None)
    return {"done_today": mine.count(), "left": waiting_for(queue, user)[:MANY].count()}
