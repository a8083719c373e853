"""Telling people, and what they have read."""

from collections.abc import Iterable

from django.db.models.functions import Now

from labelhub.notices.models import Notice
from labelhub.people.models import User
from labelhub.projects.models import Project


def tell(people: Iterable[User], *, project: Project, by: User, text: str, path: str) -> None:
    """A notice to each of `people` but `by`, who knows; `text` is cut to what fits."""
    Notice.objects.bulk_create(
        Notice(project=project, user=user, by=by, text=text[:300], path=path) for user in people if user.pk != by.pk
    )


def read_all(user: User, *, up_to: int) -> None:
    """All that was shown: what came since the page was opened stays unread."""
    Notice.objects.filter(user=user, pk__lte=up_to).unread().update(read_at=Now())
