"""What must hold of Jobs at any moment."""

from collections.abc import Iterator
from datetime import timedelta

from django.contrib.postgres.functions import TransactionNow
from django.db.models import Exists, F, OuterRef, Q

from labelhub.invariants import Invariant, breaches_of
from labelhub.jobs.models import Job

LONGEST_SILENCE = timedelta(seconds=60)
State = Job.State
ENDED = [State.DONE, State.DEAD, State.CANCELLED]
_ALIKE = Job.objects.queued().filter(path=OuterRef("path"), cluster=OuterRef("cluster"), pk__lt=OuterRef("pk"))

INVARIANTS = [
    Invariant(
        "a running job had a heartbeat within the last minute",
        of=Job.objects.running(),
        broken=Q(heartbeat_at__lt=TransactionNow() - LONGEST_SILENCE),
        says="Job {row.pk}, {row.path}, runs without a heartbeat since {row.heartbeat_at:%Y-%m-%d %H:%M:%S}: start a "
        "worker, it is taken from the dead then.",
    ),
    Invariant(
        f"a job is started at most {Job.MAX_ATTEMPTS} times, deaths included",
        of=Job.objects.all(),
        broken=Q(attempt__gt=Job.MAX_ATTEMPTS),
        says="Job {row.pk}, {row.path}, was started {row.attempt} times: read its error, cancel it if it still runs.",
    ),
    Invariant(
        "a job's fence grew with each of its attempts",
        of=Job.objects.all(),
        broken=Q(fence__lt=F("attempt")),
        says="Job {row.pk}, {row.path}, has fence {row.fence} below its attempt {row.attempt}: look for its effects "
        "twice.",
    ),
    Invariant(
        "a job has an end exactly when it ended",
        of=Job.objects.all(),
        broken=Q(state__in=ENDED, finished_at=None) | ~Q(state__in=ENDED) & Q(finished_at__isnull=False),
        says="Job {row.pk}, {row.path}, is {row.state} and finished_at is {row.finished_at}: something other than its "
        "worker wrote it.",
    ),
    Invariant(
        "a job that runs, or ended by itself, was started",
        of=Job.objects.filter(state__in=[State.RUNNING, State.DONE, State.DEAD]),
        broken=Q(started_at=None) | Q(attempt=0),
        says="Job {row.pk}, {row.path}, is {row.state} and was never started: look whether its effects are there.",
    ),
    Invariant(
        "a dead job says why, and a done one has no error",
        of=Job.objects.filter(state__in=[State.DONE, State.DEAD]),
        broken=Q(state=State.DEAD, error="") | Q(state=State.DONE) & ~Q(error=""),
        says="Job {row.pk}, {row.path}, is {row.state} and its error is {row.error!r:.80}: look into the worker's log.",
    ),
    Invariant(
        "a queued job has a bell that wakes a worker for it",
        of=Job.objects.queued(),
        broken=Q(bell=None),
        says="Job {row.pk}, {row.path}, is queued and nobody was told of it: it was not made by jobs.enqueue.",
    ),
    Invariant(
        "a follow-up is queued once for a project",
        of=Job.objects.queued().follow_ups(),
        broken=Q(Exists(_ALIKE.filter(project=OuterRef("project"))))
        | Q(project=None) & Q(Exists(_ALIKE.filter(project=None))),
        says="Job {row.pk}, {row.path}, is queued a second time for project {row.project_id}: cancel one of the two.",
    ),
]


def breaches() -> Iterator[str]:
    """Every breach in one sentence."""
    return breaches_of(INVARIANTS)
