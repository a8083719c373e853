"""Which approved labels become training rows, and why the others do not. Pure."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from training.datasets.canonical import Message, row_sha256
from training.datasets.models import LeftOut, PromptGroup, SnapshotRow
from training.lm.rows import Row

Reason = LeftOut.Reason
Kind = SnapshotRow.Kind


@dataclass(frozen=True)
class Candidate:
    """One example that could be trained on. `approval` and `group` 0: nobody judged it (rehearsal)."""

    kind: str
    messages: list[Message]
    completion: str
    prompt_sha256: str
    interaction: int
    source: str
    approval: int = 0
    label: int = 0
    label_sha256: str = ""
    split: str = PromptGroup.Split.TRAIN
    group: int = 0

    @property
    def row_id(self) -> str:
        return f"label:{self.label}" if self.label else f"interaction:{self.interaction}"

    @property
    def sha256(self) -> str:
        return row_sha256(self.kind, self.messages, self.completion)

    def as_row(self) -> Row:
        return Row(self.row_id, self.kind, tuple(self.messages), self.completion)


@dataclass(frozen=True)
class Leaving:
    """One candidate that stays out."""

    reason: Reason
    approval: int = 0
    label: int = 0
    interaction: int = 0
    detail: str = ""


@dataclass(frozen=True)
class Choice:
    rows: list[Candidate]
    left_out: list[Leaving]

    def without(self, leaving: Callable[[Candidate], Leaving | None]) -> "Choice":
        """The same less the rows for which `leaving` gives a reason."""
        verdicts = [(row, leaving(row)) for row in self.rows]
        kept = [row for row, out in verdicts if out is None]
        return Choice(kept, [*self.left_out, *(out for _, out in verdicts if out is not None)])


def leave(row: Candidate, reason: Reason, detail: str = "") -> Leaving:
    return Leaving(reason, row.approval, row.label, row.interaction, detail)


def choose(candidates: Sequence[Candidate], *, like_held_out: dict[int, str], good_rows: int, seed: int) -> Choice:
    """From the current approvals of a project to rows: newest first within a question, good answers drawn by `seed`.

    `like_held_out`: interaction id → what it resembles.
    """
    choice = Choice([], [])
    newest: dict[str, Candidate] = {}
    for row in sorted(candidates, key=lambda row: -row.approval):
        reason, detail = _against(row, newest, like_held_out)
        newest.setdefault(row.prompt_sha256, row)
        if reason is None:
            choice.rows.append(row)
        else:
            choice.left_out.append(leave(row, reason, detail))
    return _draw_good(choice, good_rows, seed)


def _against(row: Candidate, newest: dict[str, Candidate], like_held_out: dict[int, str]) -> tuple[Reason | None, str]:
    other = newest.get(row.prompt_sha256)
    if not row.completion.strip():
        return Reason.NO_TEXT, ""
    if row.split == PromptGroup.Split.TEST:
        return Reason.TEST_SPLIT, ""
    if other is not None:
        same = other.completion.strip() == row.completion.strip()
        return (Reason.DUPLICATE if same else Reason.CONTRADICTED), f"label {other.label}"
    if row.interaction in like_held_out:
        return Reason.HELD_OUT, like_held_out[row.interaction]
    return None, ""


def _draw_good(choice: Choice, good_rows: int, seed: int) -> Choice:
    good = sorted((row for row in choice.rows if row.kind == Kind.GOOD), key=lambda row: row.prompt_sha256)
    drawn = set(random.Random(seed).sample([row.approval for row in good], min(good_rows, len(good))))
    return choice.without(
        lambda row: leave(row, Reason.NOT_DRAWN) if row.kind == Kind.GOOD and row.approval not in drawn else None
    )


def capped(choice: Choice) -> Choice:
    """The same less what one untrusted source gives over its share: of its approvals the newest stay.

    A source is a group of nearly the same question. Captured calls name neither their end user nor the publishable key
    that sent them; once they do, these are sources too.
    """
    most = most_of_a_source(len(choice.rows))
    taken: Counter[int] = Counter()

    def over(row: Candidate) -> Leaving | None:
        taken[row.group] += 1
        if not row.group or taken[row.group] <= most:
            return None
        return leave(row, Reason.OVER_CAP, f"group {row.group} of nearly the same question: {most} rows at most")

    newest_first = sorted(choice.rows, key=lambda row: -row.approval)
    return Choice(newest_first, choice.left_out).without(over)


def most_of_a_source(candidates: int) -> int:
    """How many of so many rows may come from one untrusted source: 2 %, no less than 3, no more than 20."""
    return min(20, max(3, candidates * 2 // 100))


def with_replay(rows: Iterable[Candidate], earlier: set[int]) -> list[Candidate]:
    """Corrections that the parent version has learned already become replay: kept, no longer news."""
    return [
        replace(row, kind=Kind.REPLAY) if row.kind == Kind.CORRECTION and row.approval in earlier else row
        for row in rows
    ]


def in_order(rows: Iterable[Candidate]) -> list[Candidate]:
    """The order of the file: by kind, then by source, so that the same content gives the same bytes."""
    rank = {kind: position for position, kind in enumerate(Kind.values)}
    return sorted(rows, key=lambda row: (rank[row.kind], row.label, row.interaction))
