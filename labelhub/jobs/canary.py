"""A Job that does nothing, every 15 seconds in each cluster: while it sings, the whole path of a Job works."""

from dataclasses import dataclass
from datetime import timedelta

from django.db import connection
from django.db.models.functions import Now

from labelhub.jobs.actions import queue_follow_up
from labelhub.jobs.follow_ups import FollowUp
from labelhub.jobs.models import Cluster, Job
from labelhub.jobs.running import current

EVENT, PATH = "canary", "labelhub.jobs.canary.sing"
EVERY_S = 15
KEPT = timedelta(minutes=10)
SILENT_S = 60  # four songs missed
SINCE = """
SELECT cluster, extract(epoch FROM statement_timestamp() - heard)::float FROM unnest(%s::text[]) AS cluster, LATERAL (
    SELECT max(heartbeat_at) AS heard FROM labelhub_job WHERE labelhub_job.cluster = cluster.cluster
) AS signs
"""


@dataclass(frozen=True)
class Silent:
    """A cluster that shows no sign of life, and in words since when."""

    cluster: str
    since: str


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


def silence() -> dict[str, float | None]:
    """Seconds since the last sign of life of each cluster: a canary's song, or any Job's start, heartbeat or end.

    None for one that never showed any. One look into an index for each, in one query.
    """
    with connection.cursor() as cursor:
        cursor.execute(SINCE, [Cluster.values])
        return {name: None if seconds is None else max(0.0, seconds) for name, seconds in cursor.fetchall()}


def worker_alive(cluster: str = Cluster.DEFAULT) -> float | None:
    """Seconds since the last sign of life of this cluster; None if there never was one."""
    return silence()[cluster]


def silent_clusters() -> list[Silent]:
    """Those of which pages say that they are down."""
    heard = silence()
    return [
        Silent(name, in_words(heard[name]))
        for name in Cluster.values
        if heard[name] is None or heard[name] > SILENT_S  # type: ignore[operator]
    ]


def in_words(seconds: float | None) -> str:
    if seconds is None:
        return "It has not been seen yet."
    number, unit = (round(seconds / 3600), "hour") if seconds >= 7200 else (round(seconds / 60), "minute")
    return f"Last sign of life {number} {unit}{'' if number == 1 else 's'} ago."
