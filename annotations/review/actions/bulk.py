"""Many tasks at once, each for itself: what cannot be done is told, and the rest is done."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from annotations.review.actions.claims import claim, release
from annotations.review.actions.labels import submit, withdraw
from annotations.review.models import Claim, Draft, Label, Queue, ReviewTask
from labelhub.errors import NotFound, StaleState, ensure
from labelhub.people.models import User
from labelhub.projects.actions import ensure_right
from labelhub.projects.models import Project
from labelhub.projects.rights import Right

MOST = 100  # tasks at once


@dataclass(frozen=True)
class Outcome:
    """The labels that were made or taken back, and for each task that was left alone the reason."""

    labels: list[Label] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def judge_all(queue: Queue, tasks: Sequence[int], *, by: User, payload: dict[str, Any]) -> Outcome:
    """The same judgement of each of `tasks`, by id. What others hold or have judged meanwhile is left alone.

    Raises NotAllowed, NotFound for a task that is not of `queue`, Invalid where the judgement does not hold.
    """
    ensure_right(by, queue.project, Right.TRIAGE)
    found = ReviewTask.objects.select_related("queue", "project").filter(queue=queue).in_bulk(tasks)
    ensure(len(found) == len(set(tasks)), NotFound())
    outcome = Outcome()
    for pk in dict.fromkeys(tasks):
        try:
            outcome.labels.append(_judge(found[pk], by, payload))
        except StaleState as refusal:
            outcome.refused.append(refusal.detail)
    return outcome


@transaction.atomic
def _judge(task: ReviewTask, by: User, payload: dict[str, Any]) -> Label:
    held = claim(task, by=by)
    begun = Draft.objects.filter(task=task, by=by).exists()
    ensure(not begun, StaleState("You have begun to write about it: finish it on the desk."))
    return submit(task, by=by, fence=held.fence, payload=payload, saw_suggestions=False)


def take_all_back(project: Project, labels: Sequence[int], *, by: User) -> Outcome:
    """Undo `judge_all`: each label is withdrawn, its task given back. Raises NotFound for what is not one's own."""
    found = Label.objects.filter(project=project, author=by).in_bulk(labels)
    ensure(len(found) == len(set(labels)), NotFound())
    outcome = Outcome()
    for pk in dict.fromkeys(labels):
        try:
            _take_back(found[pk], by)
        except StaleState as refusal:
            outcome.refused.append(refusal.detail)
        else:
            outcome.labels.append(found[pk])
    return outcome


@transaction.atomic
def _take_back(label: Label, by: User) -> None:
    back = withdraw(label, by=by)
    if isinstance(back, Claim):
        release(back, by=by, fence=back.fence)
        Draft.objects.filter(task=back.task_id, by=by).delete()
