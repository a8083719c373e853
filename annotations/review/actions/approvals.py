"""The second person. Whoever wrote a label never approves it, on any path; a trigger holds that in the database too."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import IntegrityError, transaction

from annotations.review.actions.labels import hand_back
from annotations.review.actions.seats import locked, settle
from annotations.review.models import (
    Approval,
    FirstApproval,
    Ground,
    Label,
    Queue,
    Return,
    ReviewTask,
    SpanComment,
    Withdrawal,
)
from labelhub import jobs
from labelhub.errors import Invalid, NotAllowed, Refused, StaleState, ensure
from labelhub.people.models import User
from labelhub.projects.actions import ensure_right
from labelhub.projects.rights import Right


@transaction.atomic
def approve(label: Label, *, by: User, note: str = "", ground: str = "") -> Approval:
    """Accept `label` as truth: from this commit on its answer can be injected and trained on.

    `ground` is one of `Ground`; where two people approve, both name theirs, and `approve_first` comes before.
    Raises NotAllowed if `by` wrote it, approved it first or may not approve here, StaleState if it was approved or sent
    back before or its comments are not settled. The task itself is decided once each of its labels is.
    """
    task = _acceptable(label, by, ground)
    first = FirstApproval.objects.filter(label=label).select_related("by").first()
    if needs_two(task):
        ensure(first is not None, StaleState("Two people approve this label. You would be the first of them."))
    own = NotAllowed("You approved it first: the second approval is somebody else's.")
    ensure(first is None or first.by_id != by.pk, own)
    try:
        with transaction.atomic():
            approval = Approval.objects.create(
                project_id=label.project_id, label=label, interaction_id=task.interaction_id, by=by, note=note,
                ground=ground, of_pair=task.candidate_id is not None,
            )  # fmt: skip
    except IntegrityError as error:
        raise StaleState("This label is approved already.") from error
    settle(ReviewTask.objects.filter(pk=task.pk).undecided())  # what is decided is not opened by one approval more
    jobs.wake("approved", label.project)
    return approval


@transaction.atomic
def approve_first(label: Label, *, by: User, ground: str) -> FirstApproval:
    """The first of two acceptances; nothing is taught yet. Raises like `approve`."""
    _acceptable(label, by, ground)
    before = FirstApproval.objects.filter(label=label).select_related("by").first()
    ensure(before is None, StaleState(f"{before and before.by} has approved it first. Reload to see what is missing."))
    return FirstApproval.objects.create(label=label, by=by, ground=ground)


def approve_next(label: Label, *, by: User, note: str = "", ground: str = "") -> Approval | FirstApproval:
    """The acceptance that is missing: the only one, or the first or second of two. Raises like `approve`."""
    if needs_two(label.task) and not FirstApproval.objects.filter(label=label).exists():
        return approve_first(label, by=by, ground=ground)
    return approve(label, by=by, note=note, ground=ground)


def needs_two(task: ReviewTask) -> bool:
    twice = task.queue.approve_twice
    return twice == Queue.Twice.EVERY or (twice == Queue.Twice.SENSITIVE and task.sensitive)


@dataclass(frozen=True)
class Outcome:
    approved: int
    refused: list[str]  # why others were left alone


def approve_all(labels: Iterable[Label], *, by: User, ground: str = "") -> Outcome:
    """Each by itself: what somebody decided on meanwhile is left alone."""
    approved, refused = 0, []
    for label in labels:
        try:
            approve_next(label, by=by, ground=ground)
            approved += 1
        except Refused as refusal:
            refused.append(refusal.detail)
    return Outcome(approved, refused)


def _acceptable(label: Label, by: User, ground: str) -> ReviewTask:
    """The label's task, locked. Raises like `approve`."""
    ensure_right(by, label.project, Right.APPROVE)
    ensure(by.pk != label.author_id, NotAllowed("Authors cannot approve their own label: ask a second person."))
    task = _decide_on(label)
    ensure(label.verdict != Label.Verdict.CANNOT_JUDGE, Invalid("This label judges nothing. Send it back instead."))
    known = ground in Ground.values or (ground == "" and not needs_two(task))
    ensure(known, Invalid(f"Say on what ground: {', '.join(Ground.values)}.", field="ground"))
    if task.queue.threads_block:
        ensure_settled(label)
    return task


def ensure_settled(label: Label) -> None:
    """Raises StaleState while a comment that somebody answered is not settled."""
    threads = SpanComment.objects.filter(label=label, resolution=None).exclude(replies=None)
    ensure(not threads.exists(), StaleState("People still talk about its comments: settle these threads first."))


@transaction.atomic
def send_back(label: Label, *, by: User, reason: str) -> Return:
    """Return `label` to its author, who finds it again as a draft. Raises like `approve`; the reason is needed."""
    ensure_right(by, label.project, Right.APPROVE)
    ensure(by.pk != label.author_id, NotAllowed("Authors cannot decide on their own label: ask a second person."))
    ensure(reason.strip(), Invalid("Say why: the author reads it."))
    task = _decide_on(label)
    returned = Return.objects.create(label=label, by=by, reason=reason.strip())
    hand_back(label, task)
    return returned


def _decide_on(label: Label) -> ReviewTask:
    """The label's task, locked. Raises StaleState when somebody decided on the label before, or it was taken back."""
    task = locked(label.task_id)
    compared = StaleState("A calibration item is compared with its gold answer: nobody decides on it.")
    ensure(not task.calibration, compared)
    taken_back = Withdrawal.objects.filter(label=label).exists()
    ensure(not taken_back, StaleState("Its author took this label back: there is nothing to decide on."))
    waiting = Label.objects.waiting().filter(pk=label.pk).exists()
    ensure(waiting, StaleState("Somebody decided on this label before you. Reload to see what became of it."))
    return task
