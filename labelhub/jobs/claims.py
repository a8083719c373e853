"""Owning a Job for a while. Whoever holds the newest fence may write; every older claim has lost."""

from dataclasses import dataclass

from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import F
from django.db.models.functions import Greatest, Now

from labelhub.jobs.bell import ring
from labelhub.jobs.models import Job, JobQuerySet

LEASE_S = 20  # without a heartbeat for so long, the process that runs a Job counts as dead
ERROR_CHARACTERS, RESULT_CHARACTERS = 10_000, 500


class LostJob(Exception):
    """Another worker has claimed this Job since, or it ended: nothing may be written for it any more."""


@dataclass(frozen=True)
class Claim:
    job: Job
    fence: int

    @property
    def row(self) -> JobQuerySet:
        """The Job while this claim still owns it; else nothing."""
        return Job.objects.held(self.job.pk, self.fence)


def claim(job_id: int) -> Claim | None:
    """Start the Job's next attempt: attempt + 1 and fence + 1 in one transaction.

    None if it is not due, is not queued any more, or is a follow-up that another worker is running right now.
    """
    try:
        with transaction.atomic():
            return _claim(job_id)
    except OperationalError as error:
        if "lock timeout" not in str(error):
            raise
    with transaction.atomic():  # what woke it has not committed yet: come back when it has
        for job in Job.objects.due().filter(pk=job_id):
            ring(job, delay_s=1)
    return None


def _claim(job_id: int) -> Claim | None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '2s'")
    job = Job.objects.due().filter(pk=job_id).select_for_update().first()
    if job is None:
        return None
    if job.follow_up and Job.objects.running().alike(job.path, job.project_id, job.cluster).exists():
        ring(job, delay_s=1)
        return None
    Job.objects.filter(pk=job_id).update(
        state=Job.State.RUNNING, attempt=F("attempt") + 1, fence=F("fence") + 1, heartbeat_at=Now(), started_at=Now()
    )
    job.refresh_from_db()
    return Claim(job, job.fence)


def finish(held: Claim, result: str = "") -> bool:
    """Done. False if the Job was lost, or is done already."""
    result = result[:RESULT_CHARACTERS]
    ended = {"finished_at": Now(), "heartbeat_at": Now(), "result": result, "error": ""}
    return bool(held.row.update(state=Job.State.DONE, **ended))


def fail(held: Claim, error: str, *, final: bool = False) -> None:
    """The attempt failed: again after a pause, or dead after the last attempt, or dead at once when `final`."""
    attempt = held.job.attempt
    if final or attempt >= Job.MAX_ATTEMPTS:
        held.row.update(state=Job.State.DEAD, finished_at=Now(), heartbeat_at=Now(), error=error[:ERROR_CHARACTERS])
    else:
        give_back(held, error, delay_s=2 * 4 ** (attempt - 1))


@transaction.atomic
def give_back(held: Claim, error: str, *, delay_s: float, counts: bool = True) -> None:
    """Queue the Job for its next attempt. An attempt that does not count is taken off again.

    A follow-up that was woken meanwhile has a successor in the queue: that one carries on, with its attempts.
    """
    attempt = held.job.attempt if counts else held.job.attempt - 1
    try:
        with transaction.atomic():
            queued = held.row.update(state=Job.State.QUEUED, attempt=attempt, error=error[:ERROR_CHARACTERS])
    except IntegrityError:
        job = held.job
        held.row.update(state=Job.State.CANCELLED, finished_at=Now(), error=f"Its successor carries on. {error}")
        twins = Job.objects.queued().alike(job.path, job.project_id, job.cluster)
        twins.update(attempt=Greatest(F("attempt"), attempt), fence=Greatest(F("fence"), attempt))
        return
    if queued:
        ring(held.job, delay_s=delay_s)
