"""How far judgements can be relied on: agreement beyond what chance gives, of many annotators or of two.

Alpha: Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011). Kappa: Cohen, "A Coefficient of Agreement for
Nominal Scales" (1960). Both: 1 for perfect agreement, 0 for that of chance, below 0 for systematic disagreement.
"""

from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import chain
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

V = TypeVar("V", bound=Hashable)
Level = Literal["nominal", "ordinal"]
Floats = NDArray[np.float64]
Span = tuple[int, int, str | None]  # start and end (code points, the end excluded), category

RESAMPLES = 500
BOUNDS = 2.5, 97.5  # percentiles


def table(rows: Iterable[tuple[Hashable, Hashable, V]], values: Sequence[V]) -> Floats:
    """[annotators, items] from rows of (annotator, item, value): the place of each value in `values`, NaN where absent.

    In `values`, the lowest first where they have an order: (False, True) for a category, (0, 1, 2, 3) for severities.
    ValueError where somebody rated an item twice, KeyError for a value that is not in `values`.
    """
    code = {value: place for place, value in enumerate(values)}
    who: dict[Hashable, int] = {}
    what: dict[Hashable, int] = {}
    found: dict[tuple[int, int], int] = {}
    for annotator, item, value in rows:
        at = who.setdefault(annotator, len(who)), what.setdefault(item, len(what))
        if at in found:
            raise ValueError(f"{annotator!r} rated {item!r} twice.")
        found[at] = code[value]
    ratings = np.full((len(who), len(what)), np.nan)
    for at, place in found.items():
        ratings[at] = place
    return ratings


def alpha(ratings: Floats, level: Level) -> float | None:
    """Krippendorff's alpha of `ratings` [annotators, items], NaN where absent; only their order counts when ordinal.

    Items that fewer than two rated are left out. None where no item is left, or all of them have one and the same
    value: no disagreement is expected then, so there is nothing to compare with.
    """
    kinds, times = _profiles(ratings)
    (found,) = _alphas(np.tensordot(times[None], _coincidences(kinds), 1), level)
    return None if np.isnan(found) else float(found)


def interval(ratings: Floats, level: Level, *, resamples: int = RESAMPLES, seed: int = 0) -> tuple[float, float] | None:
    """The 95 % interval of `alpha`: percentile bootstrap over the items that two or more rated.

    Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), ch. 13. Resamples that have no alpha are left out.
    None where alpha is None, or fewer than two items can be drawn.
    """
    kinds, times = _profiles(ratings)
    number = int(times.sum())
    if number < 2 or alpha(ratings, level) is None:
        return None
    drawn = np.random.default_rng(seed).multinomial(number, times / number, size=resamples)
    found = _alphas(np.tensordot(drawn, _coincidences(kinds), 1), level)
    found = found[~np.isnan(found)]
    if not found.size:
        return None
    low, high = np.percentile(found, BOUNDS)
    return float(low), float(high)


def _profiles(ratings: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of items that two or more rated: how often each value was given [profiles, values]; the items of each [profiles].

    Items with the same profile count the same, so that a resample has to draw only how many there are of each.
    """
    values = np.unique(ratings[~np.isnan(ratings)])
    given = (ratings[..., None] == values).sum(0)
    return np.unique(given[given.sum(1) > 1], axis=0, return_counts=True)


def _coincidences(kinds: NDArray[np.int64]) -> Floats:
    """What one item of each profile adds to the coincidence matrix: [profiles, values, values]."""
    pairs = kinds[:, :, None] * kinds[:, None, :] - kinds[:, :, None] * np.eye(kinds.shape[1], dtype=np.int64)
    return np.asarray(pairs / (kinds.sum(1) - 1)[:, None, None], np.float64)


def _alphas(coincidences: Floats, level: Level) -> Floats:
    """Alpha of each coincidence matrix, [n, values, values] → [n]; NaN where no disagreement is expected."""
    totals = coincidences.sum(2)
    apart = _DISTANCES[level](totals)
    observed = (coincidences * apart).sum((1, 2))
    expected = np.einsum("ni,nj,nij->n", totals, totals, apart)
    ratio = np.divide(observed, expected, out=np.full(len(totals), np.nan), where=expected > 0)
    return np.asarray(1 - (totals.sum(1) - 1) * ratio, np.float64)


def _nominal(totals: Floats) -> Floats:
    """Squared distances of values, from how often each occurs: [n, values] → [1, values, values]."""
    return 1 - np.eye(totals.shape[1])[None]


def _ordinal(totals: Floats) -> Floats:
    """The same, [n, values, values]: squared differences of mean ranks, which is what the published sum comes to."""
    ranks = totals.cumsum(1) - totals / 2
    return np.asarray((ranks[:, :, None] - ranks[:, None, :]) ** 2, np.float64)


_DISTANCES: dict[Level, Callable[[Floats], Floats]] = {"nominal": _nominal, "ordinal": _ordinal}


def kappa(a: Sequence[Hashable], b: Sequence[Hashable]) -> float | None:
    """Cohen's kappa of two raters, whose values of the same item stand at the same place.

    None without any item, or where both gave one and the same value throughout. ValueError for unequal lengths.
    """
    number, same = len(a), sum(one == other for one, other in zip(a, b, strict=True))
    of_a, of_b = Counter(a), Counter(b)
    expected = sum(times * of_b[value] for value, times in of_a.items())
    return (number * same - expected) / (number**2 - expected) if expected < number**2 else None


def span_f1(a: Sequence[Sequence[Span]], b: Sequence[Sequence[Span]], *, overlap: bool) -> float | None:
    """2 · matches / all spans, of what two annotators marked in the same items: 0 to 1, None where neither did.

    Matched one to one are equal spans; with `overlap` spans of the same category that share a code point, as many as
    can be. The F-measure as agreement: Hripcsak and Rothschild (2005). ValueError for unequal lengths.
    """
    match = _overlapping if overlap else _equal
    matches = sum(match(one, other) for one, other in zip(a, b, strict=True))
    number = sum(map(len, chain(a, b)))
    return 2 * matches / number if number else None


def _equal(a: Sequence[Span], b: Sequence[Span]) -> int:
    return (Counter(a) & Counter(b)).total()


def _overlapping(a: Sequence[Span], b: Sequence[Span]) -> int:
    """The size of a maximum matching: each span of `a` in turn, along an augmenting path (Berge, 1957)."""
    near = [[at for at, other in enumerate(b) if _meet(one, other)] for one in a]
    partner: dict[int, int] = {}
    return sum(_augment(one, near, partner) for one in range(len(a)))


def _meet(one: Span, other: Span) -> bool:
    return one[2] == other[2] and max(one[0], other[0]) < min(one[1], other[1])


def _augment(start: int, near: Sequence[Sequence[int]], partner: dict[int, int]) -> bool:
    """Whether `start` could be matched too; `partner`: span of `b` to span of `a`, changed along the shortest path."""
    came: dict[int, tuple[int, int | None]] = {}  # span of b → the one of a it was reached from, and what that one had
    queue: deque[tuple[int, int | None]] = deque([(start, None)])
    while queue:
        one, had = queue.popleft()
        for other in near[one]:
            if other in came:
                continue
            came[other] = one, had
            if other not in partner:
                _rematch(other, came, partner)
                return True
            queue.append((partner[other], other))
    return False


def _rematch(free: int, came: dict[int, tuple[int, int | None]], partner: dict[int, int]) -> None:
    at: int | None = free
    while at is not None:
        partner[at], at = came[at]


def consensus(values: Iterable[V]) -> V | None:
    """What more than half chose, of two or more; else None."""
    chosen = Counter(values)
    number = chosen.total()
    return next((value for value, times in chosen.items() if number > 1 and 2 * times > number), None)
