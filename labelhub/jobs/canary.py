"""A Job that does nothing, every 15 seconds in each cluster: while it sings, the whole path of a Job works."""

from datetime import timedelta

from django.db.models import DurationField, ExpressionWrapper, Max
from django.db.models.functions import Now

from labelhub.jobs.actions import queue_follow_up
from labelhub.jobs.follow_ups import FollowUp
from labelhub.jobs.models import Cluster, Job
from labelhub.jobs.running import current

EVENT, PATH = "canary", "labelhub.jobs.canary.sing"
EVERY_S = 15
KEPT = timedelta(minutes=10)


def sing(_project_id: int | None) -> bool:
    """Ask for the next song and forget old ones."""
    held = current()
    if held:
        listen(held.job.cluster, delay_s=EVERY_S)
    Job.objects.filter(path=PATH, state=Job.State.DONE, finished_at__lt=Now() - KEPT).delete()
    return False


def listen(cluster: str, *, delay_s: float = 0) -> None:
    """Have the canary of this cluster sing, and from then on every EVERY_S seconds."""
    queue_follow_up(FollowUp(EVENT, PATH, cluster), None, delay_s=delay_s)


def worker_alive(cluster: str = Cluster.DEFAULT) -> float | None:
    """Seconds since the last sign of life of the cluster: a canary's song, or any Job's start, heartbeat or end.

    None if there never was one.
    """
    since = ExpressionWrapper(Now() - Max("heartbeat_at"), output_field=DurationField())
    silence = Job.objects.filter(cluster=cluster).aggregate(since=since)["since"]
    return None if silence is None else max(0.0, silence.total_seconds())
