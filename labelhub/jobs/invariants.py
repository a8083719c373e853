"""What must hold of Jobs at any moment; each breach is one sentence."""

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import F
from django.db.models.functions import Now

from labelhub.jobs.models import Job

LONGEST_SILENCE = timedelta(seconds=60)


def breaches() -> Iterator[str]:
    silent = Job.objects.running().filter(heartbeat_at__lt=Now() - LONGEST_SILENCE)
    for job in silent:
        yield f"Job {job.pk}, {job}, runs without a heartbeat since {job.heartbeat_at:%Y-%m-%d %H:%M:%S}."
    for job in Job.objects.filter(attempt__gt=Job.MAX_ATTEMPTS):
        yield f"Job {job.pk}, {job}, was started {job.attempt} times."
    for job in Job.objects.filter(fence__lt=F("attempt")):
        yield f"Job {job.pk}, {job}, has fence {job.fence} below its attempt {job.attempt}."
