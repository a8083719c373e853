"""Calibration items: decided cases that everybody judges without knowing it, to see whether people judge alike."""

from django.db import IntegrityError, transaction

from annotations.review.actions.seats import locked
from annotations.review.models import Approval, CalibrationResult, Claim, Label, ReviewTask
from annotations.review.ranking import disagreement, said_by
from labelhub.errors import Conflict, StaleState, ensure
from labelhub.people.models import User
from labelhub.projects.actions import ensure_right
from labelhub.projects.rights import Right
from labelhub.states import move

Closed = ReviewTask.State.CLOSED


@transaction.atomic
def calibrate_with(label: Label, *, by: User) -> ReviewTask:
    """Hide the case of an approved label among the work of its queue: it looks as it looked when it was judged.

    Raises NotAllowed, StaleState where the label is not the gold answer, Conflict where it calibrates already.
    """
    ensure_right(by, label.project, Right.CURATE)
    is_gold = Approval.objects.filter(label=label).current().exists()
    ensure(is_gold, StaleState("Only a gold answer calibrates: this one is not approved, or a newer one replaced it."))
    task = label.task
    hidden = ReviewTask.objects.filter(queue=task.queue_id, interaction=task.interaction_id, calibration=True).first()
    if hidden and hidden.state == Closed:
        move(hidden, to=ReviewTask.State.OPEN)
        return hidden
    try:
        with transaction.atomic():
            return ReviewTask.objects.create(
                project_id=task.project_id, queue_id=task.queue_id, interaction_id=task.interaction_id,
                calibration=True, priority=task.priority, rank=0, reason=task.reason, routed_by=by,
            )  # fmt: skip
    except IntegrityError as error:
        raise Conflict("This case calibrates already.") from error


@transaction.atomic
def stop_calibrating(label: Label, *, by: User) -> None:
    """Take the case out; what was judged of it stays. Raises NotAllowed, StaleState where it does not calibrate."""
    ensure_right(by, label.project, Right.CURATE)
    task = calibrating(label)
    hidden = locked(task.pk) if task else None
    if hidden is None or hidden.state != ReviewTask.State.OPEN:
        raise StaleState("This case does not calibrate.")
    for held in Claim.objects.held().filter(task=hidden):
        move(held, to=Claim.State.RELEASED)
    move(hidden, to=Closed)


def calibrating(label: Label) -> ReviewTask | None:
    """The calibration item that shows the label's case in its queue now."""
    task = label.task
    hidden = ReviewTask.objects.calibration().filter(queue=task.queue_id, interaction=task.interaction_id)
    return hidden.first()


def shown_result(label: Label) -> CalibrationResult | None:
    """What its author may see of the comparison, with all that the gold answer says."""
    if not label.task.calibration:
        return None
    results = CalibrationResult.objects.filter(label=label, label__task__queue__calibration_feedback=True)
    results = results.select_related("label__task__interaction", "gold__label__task__interaction")
    return results.prefetch_related("label__categories__category", "gold__label__categories__category").first()


def compare(label: Label) -> CalibrationResult | None:
    """Set the label of a calibration item beside the gold answer of its case; None when that is approved no longer."""
    gold = Approval.objects.filter(interaction=label.task.interaction_id).current().select_related("label").first()
    if gold is None:
        return None
    agreement = 1 - disagreement([said_by(label), said_by(gold.label)])
    return CalibrationResult.objects.create(label=label, gold=gold, agreement=agreement)
