"""Pairs are put up for judging: an output, and what could have been answered instead."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from annotations.review.actions.seats import alone
from annotations.review.models import Candidate, Queue, ReviewTask
from annotations.review.payload import MAX_TEXT
from labelhub import jobs
from labelhub.errors import Invalid, ensure
from labelhub.people.models import User
from labelhub.projects.actions import ensure_right
from labelhub.projects.rights import Right


@dataclass(frozen=True)
class Pair:
    """The interaction whose output is one answer, and the other one; version: whose it is, as text."""

    interaction_id: int
    output: str
    text: str
    version: str = ""
    origin: str = Candidate.Origin.MODEL


@transaction.atomic
def add_pairs(queue: Queue, pairs: Sequence[Pair], *, by: User, reason: str = "") -> int:
    """Put pairs of the queue's project up for judging. How many are new; those in the queue stay as they are.

    Raises NotAllowed, Invalid where the queue judges no pairs or the two answers are one.
    """
    ensure_right(by, queue.project, Right.TRIAGE)
    judges = f"{queue} judges one answer at a time: make a queue that judges pairs."
    ensure(queue.mode == Queue.Mode.PAIRWISE, Invalid(judges, field="queue"))
    for pair in pairs:
        ensure(pair.text.strip(), Invalid("The other answer is empty.", field="text"))
        ensure(len(pair.text) <= MAX_TEXT, Invalid(f"An answer has at most {MAX_TEXT:,} characters.", field="text"))
        ensure(
            pair.text != pair.output, Invalid("Both answers are the same: there is nothing to choose.", field="text")
        )
    alone(queue.pk)
    candidates = _candidates(queue, pairs)
    known = set(ReviewTask.objects.filter(queue=queue, candidate__in=candidates).values_list("candidate", flat=True))
    new = {pk: interaction for pk, interaction in candidates.items() if pk not in known}
    ReviewTask.objects.bulk_create(
        ReviewTask(
            project=queue.project, queue=queue, interaction_id=interaction, candidate_id=pk, reason=reason, routed_by=by
        )
        for pk, interaction in new.items()
    )  # fmt: skip
    if new:
        jobs.wake("queued", queue.project_id)
    if new and queue.assignment != Queue.Assignment.PULL:
        jobs.wake("undealt", queue.project_id)
    return len(new)


def _candidates(queue: Queue, pairs: Sequence[Pair]) -> dict[int, int]:
    """Candidate id to interaction id, in the order of `pairs`; the same text for the same answer is one."""
    Candidate.objects.bulk_create(
        (
            Candidate(
                project=queue.project, interaction_id=one.interaction_id, text=one.text, version=one.version,
                origin=one.origin,
            )
            for one in pairs
        ),
        ignore_conflicts=True,
    )  # fmt: skip
    answers = {pair.interaction_id for pair in pairs}
    rows = Candidate.objects.filter(interaction__in=answers).values_list("interaction", "text", "pk")
    ids = {(interaction, text): pk for interaction, text, pk in rows}
    return {ids[one.interaction_id, one.text]: one.interaction_id for one in pairs}
