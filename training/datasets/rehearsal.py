"""Which of the live version's own answers are learned again, so that a correction does not spread. Pure.

Untouched questions on the same topic are the first to be forgotten, and only those among the rows are kept. So the rows
must reach many different siblings: no question twice, and no answer more than a few times, since a topic's siblings are
told apart by their answers.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from annotations.recall.sameness import SAME_MEANING, named_items, normalise, same_problem
from training.datasets.canonical import Message
from training.datasets.likeness import Asked, alike, cosines

SAME_TOPIC = 0.5  # cosine; measured on questions about two items: four of five pairs lie above, at 0.6 fewer than half


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
    pool: Sequence[Said], corrections: Sequence[Corrected], *, per_correction: int, per_answer: int, most: int
) -> list[Said]:
    """At most `most` answers, `per_correction` for each: in turns, each correction takes its nearest that is left.

    First every answer of the same topic once, then up to `per_answer` times and from farther away.
    """
    out = contradicted(pool, corrections)
    usable = [said for i, said in enumerate(pool) if i not in out and said.output.strip()]
    similar = cosines([one.asked for one in corrections], [said.asked for said in usable])
    choice = _Choice(usable, [per_correction] * len(corrections), most)
    for least, times in ((SAME_TOPIC, 1), (-1.0, per_answer)):
        queues = [_nearest_first(row, least) for row in similar]
        for _ in range(per_correction):
            for turn, queue in enumerate(queues):
                choice.take(turn, queue, times)
    return list(choice.taken.values())


def _nearest_first(similarities: np.ndarray, least: float) -> Iterator[int]:
    """Positions by falling similarity, as far as `least`."""
    order = np.argsort(-similarities, kind="stable")
    return (int(i) for i in order if similarities[i] >= least)


@dataclass
class _Choice:
    """What was taken so far, and how much each correction may still take."""

    usable: Sequence[Said]
    left: list[int]
    most: int
    taken: dict[str, Said] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)

    def take(self, turn: int, queue: Iterator[int], times: int) -> None:
        """The next of `queue` that is new and whose answer was taken fewer than `times` times."""
        if not self.left[turn] or len(self.taken) >= self.most:
            return
        for position in queue:
            said = self.usable[position]
            answer = normalise(said.output)
            if said.asked.key not in self.taken and self.answers[answer] < times:
                self.taken[said.asked.key] = said
                self.answers[answer] += 1
                self.left[turn] -= 1
                return
