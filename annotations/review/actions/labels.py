"""Submitting a judgement."""

from typing import Any

from django.db import transaction

from annotations.review.actions.seats import locked, settle
from annotations.review.judgement import Judgement
from annotations.review.models import Claim, Draft, Label, LabelCategory, ReviewTask, SpanComment
from labelhub.errors import StaleState
from labelhub.people.models import User
from labelhub.projects.actions import ensure_right
from labelhub.projects.rights import Right
from labelhub.states import move


@transaction.atomic
def submit(task: ReviewTask, *, by: User, fence: int, payload: dict[str, Any]) -> Label:
    """Store the judgement of `payload` as a Label and close the claim. Raises Invalid, StaleState, NotAllowed.

    A lease that ran out does no harm as long as nobody else needs the seat.
    """
    task = locked(task.pk)
    ensure_right(by, task.project, Right.LABEL)
    claim = _held_claim(task, by, fence)
    taxonomy, guidelines = task.project.taxonomy, task.project.guidelines
    judgement = Judgement.parse(payload, taxonomy, task.interaction.output)
    label = Label.objects.create(
        project=task.project, task=task, author=by, verdict=judgement.verdict, root_cause=judgement.root_cause,
        rewrite=judgement.rewrite, confidence=judgement.confidence, note=judgement.note,
        active_seconds=judgement.active_seconds, taxonomy=taxonomy, guidelines=guidelines,
    )  # fmt: skip
    LabelCategory.objects.bulk_create(
        LabelCategory(label=label, category=category, severity=severity) for category, severity in judgement.categories
    )
    SpanComment.objects.bulk_create(SpanComment(label=label, **vars(comment)) for comment in judgement.comments)
    move(claim, to=Claim.State.DONE)
    Draft.objects.filter(task=task, by=by).delete()
    settle(ReviewTask.objects.filter(pk=task.pk))
    return label


def _held_claim(task: ReviewTask, by: User, fence: int) -> Claim:
    claim = Claim.objects.held().with_seat().filter(task=task, by=by, fence=fence).first()
    if claim is None or task.state != ReviewTask.State.OPEN:
        raise StaleState(
            "You do not hold this task any more; your draft is kept. Claim it again, or take the next one."
        )
    return claim
