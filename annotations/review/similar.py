"""Decided cases like the one at hand: so that what is alike is judged alike, and nobody reads an answer off."""

from dataclasses import dataclass

from django.db.models import Exists, OuterRef

from annotations.recall.actions import PROMPT
from annotations.recall.nearest import Near, nearest, vectors
from annotations.recall.sameness import near_duplicate
from annotations.review.diff import Piece, word_diff
from annotations.review.models import Approval, ApprovalQuerySet, ReviewTask

SHOWN, LOOKED_AT = 3, 30
LEAST = 0.4  # cosine below which two questions have little in common


@dataclass(frozen=True)
class Similar:
    """A decided case; similarity: cosine of the two questions, -1 to 1."""

    approval: Approval
    similarity: float

    @property
    def diff(self) -> list[Piece]:
        label = self.approval.label
        return word_diff(self.approval.interaction.output, label.rewrite) if label.rewrite else []


def similar(task: ReviewTask, *, most: int = SHOWN) -> list[Similar]:
    """The decided cases nearest to `task`, at most `most`; none for one of the random slice, which is judged blind.

    Left out is what would give the answer away: the same question, a near-duplicate of it, and whatever somebody
    has still to judge in any queue of the project.
    """
    question = task.interaction
    vector = None if task.random_slice else vectors(task.project, PROMPT, [question.pk]).get(question.pk)
    if vector is None:
        return []
    found = nearest(task.project, PROMPT, vector, LOOKED_AT, _decided(task).values("interaction"))
    near = [one for one in found if _differs(question.prompt, one)][:most]
    ids = [one.object_id for one in near]
    approvals = _decided(task).filter(interaction__in=ids).with_lineage()
    decided = {one.interaction_id: one for one in approvals.prefetch_related("label__categories__category")}
    return [Similar(decided[one.object_id], one.similarity) for one in near if one.object_id in decided]


def _decided(task: ReviewTask) -> ApprovalQuerySet:
    waits = ReviewTask.objects.undecided().filter(interaction=OuterRef("interaction"))
    current: ApprovalQuerySet = Approval.objects.filter(project=task.project).current()
    return current.exclude(interaction=task.interaction_id).exclude(Exists(waits))


def _differs(prompt: str, one: Near) -> bool:
    return one.similarity >= LEAST and not near_duplicate(prompt, one.text, one.similarity)
