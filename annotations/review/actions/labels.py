"""Submitting a judgement, taking it back, and revising it once it is approved."""

from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from annotations.capture.models import Feedback
from annotations.review.actions.calibration import compare
from annotations.review.actions.claims import claim
from annotations.review.actions.ranks import wake_after_label
from annotations.review.actions.seats import locked, settle
from annotations.review.actions.suggestions import keep_outcomes
from annotations.review.actions.threads import tell_mentioned
from annotations.review.judgement import Judgement
from annotations.review.models import (
    Adjudication,
    Approval,
    CalibrationResult,
    Claim,
    Draft,
    Label,
    LabelCategory,
    Return,
    ReviewTask,
    SpanComment,
    Withdrawal,
)
from labelhub.errors import Invalid, NotFound, StaleState, ensure
from labelhub.people.models import User
from labelhub.projects.actions import ensure_right
from labelhub.projects.rights import Right
from labelhub.states import move


@transaction.atomic
def submit(
    task: ReviewTask, *, by: User, fence: int, payload: dict[str, Any], saw_suggestions: bool = True,
    origin: Feedback | None = None,
) -> Label:  # fmt: skip
    """Store the judgement of `payload` as a Label and close the claim. Raises Invalid, StaleState, NotAllowed.

    `origin`: the end user's better answer that it takes over.
    A lease that ran out does no harm as long as nobody else needs the seat.
    """
    task = locked(task.pk)
    ensure_right(by, task.project, Right.LABEL)
    claim = _held_claim(task, by, fence)
    label = store(task, by, payload, origin=origin)
    move(claim, to=Claim.State.DONE)
    if task.queue.suggests and saw_suggestions:
        keep_outcomes(label)
    if task.calibration:
        compare(label)
        return label
    settle(ReviewTask.objects.filter(pk=task.pk))
    wake_after_label(label)
    return label


def submitted_before(task: ReviewTask, *, by: User, fence: int, payload: dict[str, Any]) -> Label | None:
    """The label that came of this very claim and says the same: the answer to its submit was lost on the way."""
    if not Claim.objects.done().filter(task=task, by=by, fence=fence).exists():
        return None
    label = Label.objects.standing().filter(task=task, author=by).first()
    said: dict[str, Any] = as_payload(label) if label else {}
    same = all(said.get(name) == payload.get(name) for name in ("verdict", "note", "confidence", "comments"))
    return label if same and payload.get("rewrite", "") in {"", said.get("rewrite")} else None


@transaction.atomic
def revise(label: Label, *, by: User, payload: dict[str, Any]) -> Label:
    """A new version of one's own approved label. What was approved counts until somebody approves the new one.

    Raises NotFound for another's label, StaleState where there is nothing to revise, Invalid where nothing is changed.
    """
    ensure(label.author_id == by.pk, NotFound())
    task = locked(label.task_id)
    ensure_right(by, task.project, Right.LABEL)
    ensure_revisable(label)
    revision = store(task, by, payload, revises=label)
    changed = _words_of(revision) != _words_of(label)
    ensure(changed, Invalid("Nothing is changed: the approved version stays as it is."))
    if task.state == ReviewTask.State.APPROVED:
        move(task, to=ReviewTask.State.SUBMITTED)
        settle(ReviewTask.objects.filter(pk=task.pk))
    return revision


def revisable(task: ReviewTask, by: User) -> Label | None:
    """The approved label of `by` that they may revise now."""
    return Label.objects.standing().filter(task=task, author=by).exclude(approval=None).first()


def ensure_revisable(label: Label) -> None:
    """Raises StaleState. For certain while the label's task is locked."""
    approved = Approval.objects.filter(label=label).exists()
    ensure(approved, StaleState("Nobody has approved it: what waits can be taken back, what was sent back done again."))
    final = Label.objects.final().filter(pk=label.pk).exists()
    ensure(not final, StaleState("It settled what others said: it stays. Send the question to a queue to judge anew."))
    stands = Label.objects.standing().filter(pk=label.pk).exists()
    ensure(stands, StaleState("You have revised it before: change the newer version under My labels."))


def store(
    task: ReviewTask, by: User, payload: dict[str, Any], *, revises: Label | None = None, origin: Feedback | None = None
) -> Label:
    """The judgement of `payload`, with its categories and comments; the draft of it is done with. Raises Invalid."""
    taxonomy, guidelines = task.project.taxonomy, task.project.guidelines
    is_pair = task.candidate_id is not None
    judgement = Judgement.parse(payload, taxonomy, task.interaction.output, pair=is_pair)
    label = Label.objects.create(
        project=task.project, task=task, author=by, verdict=judgement.verdict, root_cause=judgement.root_cause,
        rewrite=judgement.rewrite, confidence=judgement.confidence, note=judgement.note,
        active_seconds=judgement.active_seconds, taxonomy=taxonomy, guidelines=guidelines, revises=revises,
        origin=origin,
        swapped=Claim.objects.filter(task=task, by=by, swapped=True).exists() if is_pair else None,
    )  # fmt: skip
    LabelCategory.objects.bulk_create(
        LabelCategory(label=label, category=category, severity=severity) for category, severity in judgement.categories
    )
    comments = SpanComment.objects.bulk_create(
        SpanComment(label=label, **vars(comment)) for comment in judgement.comments
    )
    tell_mentioned(label, comments)
    Draft.objects.filter(task=task, by=by).delete()
    return label


def _words_of(label: Label) -> dict[str, object]:
    """All that a label says; the order of its categories says nothing."""
    said = {**as_payload(label), "active_seconds": 0}
    return {**said, "categories": sorted(map(str, said["categories"]))}  # type: ignore[call-overload]


@transaction.atomic
def withdraw(label: Label, *, by: User) -> Claim | Label | ReviewTask:
    """Take one's own label back: it counts for nothing, its words are a draft again, and one holds the task again.

    Returns the claim; of a revision the label that it was to revise, which stands again; of a final answer the task,
    of which is open again what others said.

    Raises NotFound for another's label, StaleState with who was faster once somebody decided on it.
    """
    ensure(label.author_id == by.pk, NotFound())
    task = locked(label.task_id)
    ensure_right(by, task.project, Right.LABEL)
    _ensure_undecided(label)
    final = Label.objects.final().filter(pk=label.pk).exists()
    Withdrawal.objects.create(label=label)
    hand_back(label, task)
    return task if final else label.revises or claim(task, by=by)


def hand_back(label: Label, task: ReviewTask) -> None:
    """The label's words are its author's draft again, and what it settled is open again. `task` is locked.

    Its author's seat is free; after a revision it stays that of the label that was to be revised, which stands again;
    a final answer had none.
    """
    final = Label.objects.final().filter(pk=label.pk).exists()
    Adjudication.objects.filter(label=label).delete()
    if final:
        return settle(ReviewTask.objects.filter(pk=task.pk))
    Draft.objects.update_or_create(
        task=task, by_id=label.author_id,
        defaults={"content": as_payload(label), "updated_at": Now(), "version": F("version") + 1},
        create_defaults={"content": as_payload(label)},
    )  # fmt: skip
    if label.revises_id:
        return settle(ReviewTask.objects.filter(pk=task.pk).undecided())
    for done in Claim.objects.done().filter(task=task, by=label.author_id):
        move(done, to=Claim.State.RELEASED, fence=done.fence + 1)
    return settle(ReviewTask.objects.filter(pk=task.pk))


def _ensure_undecided(label: Label) -> None:
    """Raises StaleState. The label's task is locked."""
    shown = CalibrationResult.objects.filter(label=label, label__task__queue__calibration_feedback=True).exists()
    ensure(not shown, StaleState("It was a calibration item, and you have seen the gold answer: it stays as it is."))
    if approval := Approval.objects.select_related("by").filter(label=label).first():
        raise StaleState(f"{approval.by} has approved it: it stays. Change it in a new version.", approved=True)
    if returned := Return.objects.select_related("by").filter(label=label).first():
        raise StaleState(f"{returned.by} has sent it back: you find it on the project's page, or under My labels.")
    if settled := Adjudication.objects.select_related("by").filter(overruled__label=label).first():
        raise StaleState(f"{settled.by} has chosen another answer: yours stays as what you said.")
    ensure(not Withdrawal.objects.filter(label=label).exists(), StaleState("You have taken it back before."))


def as_payload(label: Label) -> dict[str, object]:
    """A label in the shape in which it was submitted."""
    return {
        "verdict": label.verdict,
        "categories": [{"category": c.category.slug, "severity": c.severity} for c in label.categories.all()],
        "root_cause": label.root_cause,
        "rewrite": label.rewrite,
        "confidence": label.confidence,
        "note": label.note,
        "active_seconds": label.active_seconds,
        "comments": [
            {"start": c.start, "end": c.end, "exact": c.exact, "text": c.text, "replacement": c.replacement,
             "category": c.category.slug if c.category else None}
            for c in label.comments.all()
        ],
    }  # fmt: skip


def _held_claim(task: ReviewTask, by: User, fence: int) -> Claim:
    claim = Claim.objects.held().with_seat().filter(task=task, by=by, fence=fence).first()
    if claim is None or task.state != ReviewTask.State.OPEN:
        raise StaleState(
            "You do not hold this task any more; your draft is kept. Claim it again, or take the next one."
        )
    return claim
