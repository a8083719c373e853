"""The one place that writes to django-q2's queue: a row there wakes a worker for one Job, and means nothing else.

Ringing twice is harmless: the second worker finds the Job claimed.
"""

from datetime import timedelta

from django.contrib.postgres.functions import TransactionNow
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone
from django_q.humanhash import uuid
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from labelhub.jobs.models import Job

RUN = "labelhub.jobs.tasks.run"
CHANNEL = "labelhub_jobs"


def ring(job: Job, *, delay_s: float = 0) -> None:
    """Wake a worker of the Job's cluster for it, in the caller's transaction, `delay_s` from now."""
    at = TransactionNow() + timedelta(seconds=delay_s)  # the same instant in both rows: else it rings too early
    row = OrmQ.objects.create(key=job.cluster, payload=_payload(job.pk), lock=at)
    Job.objects.filter(pk=job.pk).update(bell=row.pk, rung_at=Now(), not_before=at)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, job.cluster])


def ring_again(job: Job) -> None:
    """For a queued Job whose row was lost, or was fetched by a cluster that died holding it."""
    if OrmQ.objects.filter(pk=job.bell).update(lock=Now()):
        Job.objects.filter(pk=job.pk).update(rung_at=Now())
    else:
        ring(job)


def _payload(job_id: int) -> str:
    """A signed package as django-q2 unpacks it. `save: False`: results live in Job, not in django-q2's tables."""
    name, ident = uuid()
    package = {
        "id": ident,
        "name": name,
        "func": RUN,
        "args": (job_id,),
        "kwargs": {},
        "started": timezone.now(),
        "ack_failure": True,
        "save": False,
    }
    return str(SignedPackage.dumps(package))
