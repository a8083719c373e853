"""Who follows which event. A slice declares it in its tasks.py; actions name the event and know no follower."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

from django.apps import apps

from labelhub.jobs.models import Cluster

Follow = Callable[[int], bool]


@dataclass(frozen=True)
class FollowUp:
    event: str
    path: str
    cluster: str


_declared: dict[str, FollowUp] = {}  # by path


def follow_up(event: str, *, cluster: str = Cluster.DEFAULT) -> Callable[[Follow], Follow]:
    """Declare `def f(project_id: int) -> bool` as what follows `event`; it returns True if more is left to do.

    It pulls what is newer than its own watermark, or what lacks something, in batches of a second or so. A worker that
    was taken for dead may still do a batch that another does, too, for nothing here fences the two: so its writes
    change nothing the second time (a unique constraint, a look whether they are still wanted), and a watermark moves in
    the transaction of what was written for it. What cannot bear that goes inside `jobs.effects()`.
    One function may follow several events: give each a function of its own, or one event a common name.
    """

    def declare(function: Follow) -> Follow:
        path = f"{function.__module__}.{function.__qualname__}"
        _declared[path] = FollowUp(event, path, cluster)
        return function

    return declare


def following(event: str) -> list[FollowUp]:
    """The follow-ups of `event`, ordered by path: everybody locks their Jobs in the same order."""
    load_follow_ups()
    return sorted((one for one in _declared.values() if one.event == event), key=lambda one: one.path)


def all_follow_ups() -> list[FollowUp]:
    load_follow_ups()
    return sorted(_declared.values(), key=lambda one: one.path)


@cache
def load_follow_ups() -> None:
    """Import <app>/<slice>/tasks.py of every app of this project, so that their declarations are known here."""
    home = Path(__file__).resolve().parent.parent.parent
    for app in apps.get_app_configs():
        if Path(app.path).parent == home:
            for file in sorted(Path(app.path).glob("*/tasks.py")):
                import_module(f"{app.name}.{file.parent.name}.tasks")
