"""What became of a person's work lately: figures, each of which leads to the list behind it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, Exists, OuterRef, Q
from django.db.models.functions import Now
from django.utils import timezone

from annotations.review.models import Label
from labelhub.people.models import User
from labelhub.people.zones import zone_named
from labelhub.projects.models import Project
from training.runs.models import ModelVersion

DAYS = 30
WAITING = Q(approval=None, returned=None, withdrawal=None, task__calibration=False)
OUTCOMES = {  # as the address of the list says it
    "waiting": WAITING,
    "approved": ~Q(approval=None),
    "returned": ~Q(returned=None),
    "taught": Q(Exists(ModelVersion.objects.filter(run__snapshot__rows__approval__label=OuterRef("pk")))),
}


@dataclass(frozen=True)
class Today:
    """Labels of the last DAYS days by what became of them: `outcomes` by the names of OUTCOMES; today by queue id."""

    submitted: int
    outcomes: Mapping[str, int]
    done_today: Mapping[int, int]


def today(user: User, project: Project) -> Today:
    """Two queries. What its author took back is not counted."""
    here = timezone.localtime(timezone=zone_named(user.time_zone))
    midnight = here.replace(hour=0, minute=0, second=0, microsecond=0)
    mine = Label.objects.told_to_author(user).filter(project=project, withdrawal=None)
    counts = {name: Count("pk", filter=only) for name, only in OUTCOMES.items()}
    found = mine.filter(created_at__gte=Now() - timedelta(days=DAYS)).aggregate(submitted=Count("pk"), **counts)
    since_midnight = mine.filter(created_at__gte=midnight).order_by().values_list("task__queue")
    return Today(found.pop("submitted"), found, dict(since_midnight.annotate(n=Count("pk"))))
