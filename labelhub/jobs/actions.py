"""Asking for background work, in the transaction that needs it."""

from django.db import connection, transaction
from django.db.models.functions import Now

from labelhub.errors import StaleState, ensure
from labelhub.jobs.bell import ring
from labelhub.jobs.follow_ups import FollowUp, following
from labelhub.jobs.models import Cluster, Job
from labelhub.projects.models import Project
from labelhub.states import move

SLEEPERS_ALREADY_QUEUED = """
SELECT path FROM labelhub_job
WHERE state = 'queued' AND follow_up <> '' AND path = ANY(%s) AND project_id IS NOT DISTINCT FROM %s
ORDER BY id FOR KEY SHARE
"""


@transaction.atomic
def enqueue(
    path: str,
    subject: object = "",
    *,
    project: Project | int | None = None,
    cluster: str = Cluster.DEFAULT,
    delay_s: float = 0,
) -> Job:
    """A Job that calls the function at `path` with `str(subject)`; it exists if and only if the caller commits.

    The function gets one argument, text; the text that it returns becomes `Job.result`. It runs at least once and
    at most MAX_ATTEMPTS times, again after a failure or a death: so its effects go inside `jobs.effects()`.
    """
    job = Job.objects.create(path=path, subject=str(subject), project_id=_id(project), cluster=cluster)
    ring(job, delay_s=delay_s)
    job.refresh_from_db()
    return job


@transaction.atomic(savepoint=False)
def wake(event: str, project: Project | int) -> None:
    """Make sure that each follow-up of `event` runs for `project` after the caller commits.

    Call it last in the transaction: two transactions that wake the same sleeper wait for each other's end.
    """
    follow_ups, project_id = following(event), _id(project)
    awake = _already_queued([one.path for one in follow_ups], project_id)
    for one in follow_ups:
        if one.path not in awake:
            queue_follow_up(one, project_id)


@transaction.atomic
def queue_follow_up(one: FollowUp, project_id: int | None, *, delay_s: float = 0) -> None:
    """One queued Job of this follow-up for this project, unless there is one already."""
    job = Job(path=one.path, project_id=project_id, follow_up=one.event, cluster=one.cluster)
    while True:
        Job.objects.bulk_create([job], ignore_conflicts=True)
        mine = Job.objects.queued().alike(one.path, project_id, one.cluster).filter(bell=None).first()
        if mine is not None:
            return ring(mine, delay_s=delay_s)
        if _already_queued([one.path], project_id):
            return None


def cancel(job: Job) -> None:
    """Take back a Job that has not started. Raises StaleState if it has."""
    ensure(job.state == Job.State.QUEUED, StaleState(f"This job is {job.state}: only a queued one can be taken back."))
    move(job, to=Job.State.CANCELLED, finished_at=Now())


def _already_queued(paths: list[str], project_id: int | None) -> set[str]:
    """Paths with a queued Job, whose rows stay locked against a claim until the caller commits.

    Without the lock a worker could claim the Job and look for news before what the caller wrote is visible.
    """
    with connection.cursor() as cursor:
        cursor.execute(SLEEPERS_ALREADY_QUEUED, [paths, project_id])
        return {path for (path,) in cursor.fetchall()}


def _id(project: Project | int | None) -> int | None:
    return project.pk if isinstance(project, Project) else project
