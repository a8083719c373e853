"""Freezing approved labels into a snapshot."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass

from django.db import transaction
from django.db.models import Q

from labelhub.errors import Conflict, Invalid, ensure
from labelhub.people.models import User
from labelhub.projects.actions import ensure_right
from labelhub.projects.models import Project
from labelhub.projects.rights import Right
from training.datasets.base_model import base_folder
from training.datasets.build import (
    Candidate,
    Choice,
    Kind,
    Leaving,
    Reason,
    capped,
    choose,
    in_order,
    leave,
    with_replay,
)
from training.datasets.candidates import (
    Judged,
    corrected,
    judged,
    like_held_out,
    neighbours,
    own_questions,
    unflagged,
)
from training.datasets.canonical import dataset_sha256
from training.datasets.groups import Split, group_prompts
from training.datasets.lengths import count_tokens
from training.datasets.likeness import Asked, asked_by
from training.datasets.models import DatasetSnapshot, LeftOut, SnapshotRow
from training.datasets.rehearsal import rehearse
from training.scope import next_number

LIMITS = {
    "good_rows": 100_000,
    "rehearsal_per_correction": 100,
    "rehearsal_rows": 100_000,
    "per_answer": 100,
    "max_length": 131_072,
}


@dataclass(frozen=True)
class Wanted:
    """What to put into a snapshot. `rehearsal_rows`: at most, in all. `per_answer`: how often one answer is rehearsed.

    Measured on a small model: every uncorrected neighbour once keeps the neighbours, and a hundred good answers to
    other questions keep the rest; without the neighbours two in five are lost.
    """

    good_rows: int = 120
    rehearsal_per_correction: int = 8
    rehearsal_rows: int = 400
    per_answer: int = 2
    max_length: int = 512
    seed: int = 0

    def __post_init__(self) -> None:
        for name, most in LIMITS.items():
            value = getattr(self, name)
            whole = isinstance(value, int) and not isinstance(value, bool)
            ensure(whole and 0 <= value <= most, Invalid(f"{name} must be a whole number from 0 to {most}."))
        seed = isinstance(self.seed, int) and not isinstance(self.seed, bool) and 0 <= self.seed < 2**32
        ensure(seed, Invalid("seed must be a whole number from 0 to 4294967295."))


def build_snapshot(
    project: Project,
    *,
    by: User,
    wanted: Wanted,
    held_out: Sequence[Asked],
    held_out_now: Callable[[], Collection[str]],
    answered_by: Q,
    answered_name: str,
    learned: set[int],
) -> DatasetSnapshot:
    """Current approvals, drawn good answers, replay and rehearsal rows, with a line for each that was left out.

    `held_out`: questions that no row may repeat. `held_out_now`: the hashes of those that none may repeat once it is
    stored. `answered_by`: which captured answers are the live version's own. `learned`: approvals that the version to
    go on from knows already.

    Raises NotAllowed, Invalid, Unavailable, Conflict where one of its questions became a held-out one meanwhile.
    """
    ensure_right(by, project, Right.TRAIN)
    group_prompts(project)
    found = judged(project)
    choice = choose(
        found.candidates,
        like_held_out=like_held_out(found, project, held_out),
        good_rows=wanted.good_rows,
        seed=wanted.seed,
    )
    rehearsed = _rehearsal(project, found, wanted, held_out, answered_by, answered_name)
    rows = [*with_replay(choice.rows, learned), *rehearsed]
    choice = capped(_fitting(Choice(rows, [*found.leaving, *choice.left_out]), wanted.max_length))
    ensure(choice.rows, Invalid("There is nothing to learn from yet: no approved label qualifies."))
    return _store(project, by, in_order(choice.rows), choice.left_out, asdict(wanted), held_out_now)


def _rehearsal(
    project: Project, found: Judged, wanted: Wanted, held_out: Sequence[Asked], answered_by: Q, answered_name: str
) -> list[Candidate]:
    if not wanted.rehearsal_per_correction:
        return []
    corrections = corrected(found.corrections, project)
    tested = {row.interaction for row in found.candidates if row.split == Split.TEST}
    taboo = [*held_out, *asked_by([found.interactions[pk] for pk in sorted(tested)], project)]
    said = neighbours(project, corrections, unflagged(project, model_versions=answered_by))
    chosen = rehearse(
        own_questions(said, taboo, found),
        corrections,
        per_correction=wanted.rehearsal_per_correction,
        per_answer=wanted.per_answer,
        most=wanted.rehearsal_rows,
    )
    return [
        Candidate(
            kind=Kind.REHEARSAL,
            messages=one.messages,
            completion=one.output,
            prompt_sha256=one.asked.key,
            interaction=one.asked.id,
            source=f"version:{answered_name}",
        )
        for one in chosen
    ]


def _fitting(choice: Choice, max_length: int) -> Choice:
    tokens = count_tokens([row.as_row() for row in choice.rows], base_model=base_folder(), max_length=max_length)

    def too_long(row: Candidate) -> Leaving | None:
        count = tokens[row.row_id]
        return leave(row, Reason.TOO_LONG, f"{count} tokens, {max_length} fit") if count > max_length else None

    return choice.without(too_long)


@transaction.atomic
def _store(
    project: Project,
    by: User,
    rows: list[Candidate],
    left_out: list[Leaving],
    parameters: dict[str, object],
    held_out_now: Callable[[], Collection[str]],
) -> DatasetSnapshot:
    number = next_number(DatasetSnapshot.objects.all(), project)
    _ensure_untested(rows, held_out_now())  # nobody holds out another one now: who does so holds the project
    snapshot = DatasetSnapshot.objects.create(
        project=project,
        number=number,
        by=by,
        content_sha256=dataset_sha256(row.as_row() for row in rows),
        parameters=parameters,
    )
    SnapshotRow.objects.bulk_create(_as_model(snapshot, n, row) for n, row in enumerate(rows, start=1))
    LeftOut.objects.bulk_create(
        LeftOut(
            snapshot=snapshot,
            label_id=out.label or None,
            approval_id=out.approval or None,
            interaction_id=out.interaction or None,
            reason=out.reason,
            detail=out.detail,
        )
        for out in left_out
    )
    return snapshot


def _ensure_untested(rows: list[Candidate], held_out: Collection[str]) -> None:
    """Raises Conflict for a row whose question is held out: it was not yet when the rows were chosen."""
    tested = next((row for row in rows if row.prompt_sha256 in held_out), None)
    if tested is not None:
        why = f"The question of interaction {tested.interaction} was held out while it was being frozen"
        raise Conflict(f"{why}: freeze again, and it is left out.")


def _as_model(snapshot: DatasetSnapshot, position: int, row: Candidate) -> SnapshotRow:
    return SnapshotRow(
        snapshot=snapshot,
        position=position,
        kind=row.kind,
        messages=row.messages,
        completion=row.completion,
        row_sha256=row.sha256,
        label_sha256=row.label_sha256,
        prompt_sha256=row.prompt_sha256,
        approval_id=row.approval or None,
        interaction_id=row.interaction,
        source=row.source,
    )
