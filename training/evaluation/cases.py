"""The cases of a project as questions, and where each stands to a run's rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from annotations.recall.actions import PROMPT
from annotations.recall.sameness import SAME_MEANING, same_problem
from labelhub.projects.models import Project
from training.datasets.candidates import corrected
from training.datasets.likeness import Asked, alike, asked, asked_by, cosines
from training.datasets.models import DatasetSnapshot
from training.datasets.rehearsal import SAME_TOPIC, Corrected
from training.evaluation.models import Case, CaseResult

CASE = "case"  # recall's kind for questions that were uploaded, not captured
Slice = CaseResult.Slice


@dataclass(frozen=True)
class Standing:
    """What a run's rows have to do with a case."""

    slice: Slice
    seen: bool


def questions(cases: Sequence[Case], project: Project) -> list[Asked]:
    """`Asked.id` is the case's. Raises Unavailable when a vector is missing and the encoder is down."""
    captured = [case for case in cases if case.interaction_id]
    uploaded = [case for case in cases if not case.interaction_id]
    by_interaction = asked([(case.interaction_id or 0, case.messages) for case in captured], project, PROMPT)
    vectors = {case.pk: q for case, q in zip(captured, by_interaction, strict=True)}
    vectors |= {q.id: q for q in asked([(case.pk, case.messages) for case in uploaded], project, CASE)}
    found = (vectors[case.pk] for case in cases)
    return [Asked(case.pk, q.text, q.key, q.before, q.vector) for case, q in zip(cases, found, strict=True)]


def held_out_questions(project: Project) -> list[Asked]:
    """What no training row may repeat."""
    return questions(list(Case.objects.of(project).held_out().asked().order_by("pk")), project)


def held_out_hashes(project: Project) -> set[str]:
    """The same, as they are at this moment and as hashes of their conversations: no encoder is asked."""
    return set(Case.objects.of(project).held_out().asked().values_list("prompt_sha256", flat=True))


def standings(cases: Sequence[Case], snapshot: DatasetSnapshot) -> dict[int, Standing]:
    """Case id → its slice and whether it was trained on, for a version made from `snapshot`."""
    project = snapshot.project
    asked_cases = questions(cases, project)
    rows = list(snapshot.rows.order_by("position").select_related("interaction", "approval__label"))
    seen = alike(asked_cases, asked_by([row.interaction for row in rows if row.interaction], project))
    approvals = [row.approval for row in rows if row.kind in ("correction", "replay") and row.approval]
    fixed = corrected(approvals, project)
    slices = _slices(asked_cases, fixed)
    trained = {approval.pk for approval in approvals}
    return {case.pk: Standing(_slice_of(case, slices[i], trained), i in seen) for i, case in enumerate(cases)}


def _slice_of(case: Case, slice_: Slice, trained: set[int]) -> Slice:
    """A correction is nobody's untouched sibling, even one that was not trained on."""
    if case.approval_id in trained:
        return Slice.CORRECTED
    return Slice.ELSEWHERE if slice_ == Slice.SIBLING and case.rejected else slice_


def _slices(asked_cases: Sequence[Asked], fixed: Sequence[Corrected]) -> list[Slice]:
    """Corrected: the same problem as a correction. Sibling: its topic, another problem."""
    similar = cosines(asked_cases, [one.asked for one in fixed])
    named = [one.named for one in fixed]
    slices = []
    for i, question in enumerate(asked_cases):
        row = similar[i] if fixed else np.zeros(0)
        same = any(
            same_problem(question.text, fixed[j].asked.text, float(row[j]), named[j])
            for j in map(int, np.flatnonzero(row >= SAME_MEANING))
        )
        near = bool(np.any(row >= SAME_TOPIC))
        slices.append(Slice.CORRECTED if same else Slice.SIBLING if near else Slice.ELSEWHERE)
    return slices
