"""Background work. Job rows carry the truth, django-q2 carries wake-ups; nobody else talks to django-q2.

`from labelhub import jobs`, then: jobs.enqueue, jobs.wake, jobs.follow_up; inside a task jobs.current,
jobs.still_mine, jobs.effects; for pages jobs.silent_clusters. Looked up on first use, because models load after apps.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labelhub.jobs.actions import cancel as cancel
    from labelhub.jobs.actions import enqueue as enqueue
    from labelhub.jobs.actions import wake as wake
    from labelhub.jobs.canary import silent_clusters as silent_clusters
    from labelhub.jobs.canary import worker_alive as worker_alive
    from labelhub.jobs.follow_ups import follow_up as follow_up
    from labelhub.jobs.running import current as current
    from labelhub.jobs.running import effects as effects
    from labelhub.jobs.running import still_mine as still_mine

_HOMES = {
    "cancel": "actions",
    "enqueue": "actions",
    "wake": "actions",
    "silent_clusters": "canary",
    "worker_alive": "canary",
    "follow_up": "follow_ups",
    "current": "running",
    "effects": "running",
    "still_mine": "running",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
