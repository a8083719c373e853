"""What puts right what a death leaves behind. Anybody may run it at any time, any number at once."""

from dataclasses import dataclass
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now
from django_q.models import OrmQ, Schedule

from labelhub.jobs.actions import queue_follow_up
from labelhub.jobs.bell import ring_again
from labelhub.jobs.claims import LEASE_S, Claim, fail
from labelhub.jobs.follow_ups import all_follow_ups
from labelhub.jobs.models import Job
from labelhub.projects.models import Project

UNHEARD_S = 20  # a due Job that nobody has claimed so long after its bell was fetched, is rung again
BATCH = 200
KEPT = timedelta(days=1)


@dataclass(frozen=True)
class Swept:
    """How many Jobs lost their process, and how many were rung again."""

    lost: int
    rung: int


def sweep() -> Swept:
    return Swept(lost=_take_from_the_dead(), rung=ring_unheard())


def ring_unheard(cluster: str | None = None, *, after_s: float = UNHEARD_S) -> int:
    """Ring again for due Jobs whose row in django-q2's queue is gone, or was fetched and led to nothing."""
    waits_its_turn = OrmQ.objects.filter(pk=OuterRef("bell"), lock__lte=Now())
    unheard = Job.objects.due().filter(rung_at__lte=Now() - timedelta(seconds=after_s)).exclude(Exists(waits_its_turn))
    if cluster:
        unheard = unheard.filter(cluster=cluster)
    with transaction.atomic():
        jobs = list(unheard.order_by("pk").select_for_update(skip_locked=True)[:BATCH])
        for job in jobs:
            ring_again(job)
    return len(jobs)


def _take_from_the_dead() -> int:
    """Jobs that run without a heartbeat: queued for the next attempt, or dead after the last. Deaths count."""
    silent = Job.objects.running().filter(heartbeat_at__lt=Now() - timedelta(seconds=LEASE_S))
    with transaction.atomic():
        jobs = list(silent.order_by("pk").select_for_update(skip_locked=True)[:BATCH])
        for job in jobs:
            fail(Claim(job, job.fence), f"The process that ran attempt {job.attempt} died.")
    return len(jobs)


def wake_everybody() -> None:
    """The safety net under the wake-ups: every follow-up looks for news in every project."""
    for project_id in Project.objects.values_list("pk", flat=True):
        for one in all_follow_ups():
            queue_follow_up(one, project_id)
    forget()


def forget() -> None:
    """Follow-ups that ended well say nothing after a day. Other Jobs stay: they are the record of what was done."""
    old = Job.objects.follow_ups().filter(state=Job.State.DONE, finished_at__lt=Now() - KEPT)
    old.delete()


@transaction.atomic
def schedule() -> None:
    """Have django-q2 run this too, for a site whose clusters run without `up`. Does nothing the second time."""
    with connection.cursor() as cursor:  # names of schedules are not unique: without this two clusters made two
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [__name__])
    for name, minutes in (("sweep", 1), ("wake_everybody", 10)):
        title = f"labelhub {name}"
        if not Schedule.objects.filter(name=title).exists():
            Schedule.objects.create(
                name=title, func=f"{__name__}.{name}", schedule_type=Schedule.MINUTES, minutes=minutes
            )
