"""When something that was put off comes back. Knows no tables."""

from datetime import datetime, time, timedelta

from django.utils import timezone

from labelhub.errors import Invalid
from labelhub.people.models import User
from labelhub.people.zones import zone_named

MORNING = time(8)


def later(choice: str, user: User) -> datetime:
    """The moment that `choice` means to `user`, in their own zone: hour, tomorrow or week. Raises Invalid."""
    now = timezone.localtime(timezone=zone_named(user.time_zone))
    if choice == "hour":
        return now + timedelta(hours=1)
    days = {"tomorrow": 1, "week": 7}.get(choice)
    if days is None:
        raise Invalid("for must be hour, tomorrow or week.", field="for")
    return datetime.combine(now.date() + timedelta(days=days), MORNING, tzinfo=now.tzinfo)
