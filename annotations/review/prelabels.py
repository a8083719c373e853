"""What decided cases make likely of a new one. Pure.

Each of the nearest cases votes with its similarity for what was decided on it, beside one that says nothing: so few
cases, or far ones, suggest nothing. Distance-weighted k nearest neighbours (Dudani, 1976), one vote for each category
(Zhang and Zhou, 2007), smoothed as by Laplace.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from annotations.review.ranking import Judgement

VOTERS, LIKELY = 7, 0.5  # cases asked; the share of votes from which on something is suggested
SAYS_NOTHING = 1.0
GOOD = ""


@dataclass(frozen=True)
class Guess:
    """category: its slug, GOOD for nothing wrong; confidence: 0 to 1; cases: how many voted."""

    category: str
    confidence: float
    cases: int


def guesses(cases: Iterable[tuple[Judgement, float]]) -> list[Guess]:
    """Of cases with their similarity (cosine, above 0), what is likely, the surest first."""
    votes: defaultdict[str, float] = defaultdict(float)
    total, number = SAYS_NOTHING, 0
    for (verdict, categories), similarity in cases:
        total, number = total + similarity, number + 1
        for one in [GOOD] if verdict == "good" else categories:
            votes[one] += similarity
    found = [Guess(one, cast / total, number) for one, cast in votes.items() if cast / total >= LIKELY]
    return sorted(found, key=lambda guess: (-guess.confidence, guess.category))
