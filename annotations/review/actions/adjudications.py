"""Settling what people said of one task: with the best of it, or with an answer of one's own."""

from typing import Any

from django.db import transaction
from django.urls import reverse

from annotations.review.actions.approvals import approve_next
from annotations.review.actions.labels import store
from annotations.review.actions.seats import locked, settle
from annotations.review.models import Adjudication, Approval, Label, Overruling, ReviewTask
from labelhub.errors import Invalid, NotAllowed, NotFound, StaleState, ensure
from labelhub.notices.actions import tell
from labelhub.people.models import User
from labelhub.projects.actions import ensure_right
from labelhub.projects.rights import Right


@transaction.atomic
def choose(label: Label, *, by: User, reason: str, ground: str = "") -> Adjudication:
    """Approve `label`, if it is not yet, and decide against what else waits; its authors are told, with `reason`.

    `ground` is one of `Ground`, where two people approve: this is then the first approval.
    Raises NotAllowed for a party to it, StaleState once it is settled, Invalid without a reason.
    """
    task, said = _disputed(label.task_id, by, reason)
    is_truth = Approval.objects.filter(label=label).exists()
    ensure(is_truth or label in said, StaleState("This label is decided on. Reload to see what is left."))
    before = Adjudication.objects.filter(label=label).exists()
    ensure(not before, StaleState("It was chosen once before: send back what came later."))
    adjudication = _settle(task, label, [one for one in said if one != label], by, reason)
    if is_truth:
        settle(ReviewTask.objects.filter(pk=task.pk))
    else:
        approve_next(label, by=by, ground=ground)
    return adjudication


@transaction.atomic
def write_final(task: ReviewTask, *, by: User, payload: dict[str, Any], reason: str) -> Adjudication:
    """A label of one's own instead of what others said, or of the one that they said; a third person approves it.

    Raises like `choose`, and Invalid for a judgement that does not hang together.
    """
    task, said = _disputed(task.pk, by, reason)
    adjudication = _settle(task, store(task, by, payload), said, by, reason)
    settle(ReviewTask.objects.filter(pk=task.pk))
    return adjudication


def _disputed(pk: int, by: User, reason: str) -> tuple[ReviewTask, list[Label]]:
    """The task, locked, and what waits of it."""
    task = locked(pk)
    ensure_right(by, task.project, Right.APPROVE)
    ensure(reason.strip(), Invalid("Say why: whoever judged it reads this.", field="reason"))
    ensure(not task.calibration, NotFound())
    open_yet = StaleState("Not everybody has judged it yet: wait for them, or send back what is there.")
    ensure(task.state != ReviewTask.State.OPEN, open_yet)
    said = list(Label.objects.waiting().filter(task=task).select_related("author", "project", "task__queue"))
    ensure(said, StaleState("It is settled: somebody decided on these labels before you."))
    party = by.pk in {label.author_id for label in said}
    ensure(not party, NotAllowed("You judged it yourself: somebody else settles it."))
    return task, said


def _settle(task: ReviewTask, label: Label, against: list[Label], by: User, reason: str) -> Adjudication:
    adjudication = Adjudication.objects.create(task=task, label=label, by=by, reason=reason.strip())
    Overruling.objects.bulk_create(Overruling(label=one, adjudication=adjudication) for one in against)
    for one in against:
        _tell(adjudication, one, "Another answer than yours was chosen")
    if against:
        _tell(adjudication, label, "Your answer was chosen")
    return adjudication


def _tell(adjudication: Adjudication, label: Label, what: str) -> None:
    path = reverse("review:label_detail", args=[label.project.slug, label.pk])
    said = f"{what}: {adjudication.reason}"
    tell([label.author], project=label.project, by=adjudication.by, text=said, path=path)
