"""Which of the live version's own answers are learned again, so that a correction does not spread. Pure.

Untouched questions on the same topic are the first to be forgotten, and only those among the rows are kept. So the rows
must reach many different siblings: no question twice, and no answer more than a few times, since a topic's siblings are
told apart by their answers.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from annotations.recall.sameness import SAME_MEANING, named_items, normalise, same_problem
from training.datasets.canonical import Message
from training.datasets.likeness import Asked, alike, cosines


@dataclass(frozen=True)
class Corrected:
    """One approved correction: the question, what was answered, what is right."""

    asked: Asked
    rejected: str
    gold: str

    @property
    def named(self) -> frozenset[str]:
        return named_items(self.asked.text, self.rejected, self.gold)


@dataclass(frozen=True)
class Said:
    """One captured answer that nobody objected to."""

    asked: Asked
    output: str
    messages: list[Message]


def contradicted(pool: Sequence[Said], corrections: Sequence[Corrected]) -> set[int]:
    """Positions in `pool` whose question was corrected: the answer there is the old one."""
    questions, corrected = [said.asked for said in pool], [one.asked for one in corrections]
    found = set(alike(questions, corrected))
    similar = cosines(questions, corrected)
    named = [one.named for one in corrections]
    for i, j in zip(*np.nonzero(similar >= SAME_MEANING), strict=True):
        cosine = float(similar[i, j])
        if same_problem(pool[i].asked.text, corrections[j].asked.text, cosine, named[j]):
            found.add(int(i))
    return found


def rehearse(
    pool: Sequence[Said], corrections: Sequence[Corrected], *, per_correction: int, per_answer: int
) -> list[Said]:
    """At most `per_correction` × corrections answers: in turns, each correction takes its nearest that is left."""
    out = contradicted(pool, corrections)
    usable = [said for i, said in enumerate(pool) if i not in out and said.output.strip()]
    similar = cosines([one.asked for one in corrections], [said.asked for said in usable])
    queues = [iter(np.argsort(-row, kind="stable")) for row in similar]
    taken: dict[str, Said] = {}
    answers: Counter[str] = Counter()
    for _ in range(per_correction):
        for queue in queues:
            said = _next(queue, usable, taken, answers, per_answer)
            if said is not None:
                taken[said.asked.key] = said
                answers[normalise(said.output)] += 1
    return list(taken.values())


def _next(
    queue: Iterator[np.intp], usable: Sequence[Said], taken: dict[str, Said], answers: Counter[str], most: int
) -> Said | None:
    for position in queue:
        said = usable[int(position)]
        if said.asked.key not in taken and answers[normalise(said.output)] < most:
            return said
    return None
