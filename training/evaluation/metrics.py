"""Figures of answers. Pure; numpy only."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from annotations.recall.sameness import normalise

RESAMPLES = 2_000
FEW = 64  # distinct differences, of which resamples are drawn as counts
BLOCK = 1 << 20  # draws held at once: 16 MB


def exact_match(answer: str, gold: str) -> bool:
    """Equal but for white space around."""
    return answer.strip() == gold.strip()


def token_f1(answer: str, gold: str) -> float:
    """Harmonic mean of precision and recall over words, letter case aside; 0 to 1.

    >>> token_f1("within 30 days", "within 21 days")
    0.6666666666666666
    """
    said, right = Counter(normalise(answer).split()), Counter(normalise(gold).split())
    shared = sum((said & right).values())
    if not said or not right:
        return float(said == right)
    return 2 * shared / (said.total() + right.total())


@dataclass(frozen=True)
class Figure:
    """Shares before and after on the same `n` cases, with the 95 % interval of their difference (all 0 to 1)."""

    n: int
    before: float
    after: float
    low: float
    high: float

    @property
    def change(self) -> float:
        return self.after - self.before

    @property
    def points(self) -> str:
        """The change in points: `+12.5`."""
        return _signed(self.change) if self.n else "no cases"

    @property
    def interval(self) -> str:
        """Of the change, in points: `+3.1 to +21.9`."""
        return f"{_signed(self.low)} to {_signed(self.high)}" if self.n else "no cases"

    @property
    def is_better(self) -> bool:
        """Better beyond its interval."""
        return self.n > 0 and self.low > 0


def _signed(share: float) -> str:
    """In points, with a real minus sign."""
    return f"{100 * share:+.1f}".replace("-", "−")


def figure(before: Sequence[float], after: Sequence[float], *, seed: int = 0) -> Figure:
    """Paired: `before[i]` and `after[i]` are of the same case. Empty gives n 0 and zeros."""
    if len(before) != len(after):
        raise ValueError("before and after must be of the same cases")
    if not before:
        return Figure(0, 0.0, 0.0, 0.0, 0.0)
    low, high = bootstrap(np.asarray(after, float) - np.asarray(before, float), seed=seed)
    return Figure(len(before), float(np.mean(before)), float(np.mean(after)), low, high)


def bootstrap(differences: np.ndarray, *, seed: int = 0, resamples: int = RESAMPLES) -> tuple[float, float]:
    """The middle 95 % of the mean of `differences` [n] over resampled cases: (low, high).

    Of few distinct differences a resample is drawn as counts, so that a million cases cost no more draws than fifty.
    Of many it is drawn case by case, in blocks: time grows with the cases, memory no further than a resample needs.
    """
    values, counts = np.unique(differences, return_counts=True)
    n, random = len(differences), np.random.default_rng(seed)
    if len(values) <= FEW:
        means = random.multinomial(n, counts / n, size=resamples) @ values / n
    else:
        rows = max(1, BLOCK // n)
        sizes = [min(rows, resamples - at) for at in range(0, resamples, rows)]
        means = np.concatenate([random.choice(differences, size=(size, n)).mean(axis=1) for size in sizes])
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
