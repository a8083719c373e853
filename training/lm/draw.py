"""Which rows each step sees: the whole order of a run, drawn before it starts. Standard library only.

With the order on paper a run that was interrupted sees the same rows again, and a step that goes wrong can
name its rows.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from training.lm.recipes import Recipe
from training.lm.rows import Row


def draw_order(rows: Sequence[Row], recipe: Recipe, seed: int) -> list[int]:
    """Indices into `rows`, max_steps x batch_size of them; step k uses the k-th batch_size of them.

    The corrections' share of every stretch of the order is `correction_share` to within one example, whatever
    their share of the rows: each side is gone through in shuffled rounds, as often as needed. A side without
    rows leaves all places to the other. The same rows, recipe and seed give the same order.
    """
    source = random.Random(f"{seed}:order")
    sides = [
        _rounds([i for i, row in enumerate(rows) if (row.kind == "correction") is wanted], source)
        for wanted in (True, False)
    ]
    kinds = {row.kind == "correction" for row in rows}
    share = recipe.correction_share if len(kinds) == 2 else float(True in kinds)
    places = recipe.max_steps * recipe.batch_size
    return [next(sides[0] if _is_due(n, share) else sides[1]) for n in range(places)]


def _is_due(place: int, share: float) -> bool:
    return int((place + 1) * share + 1e-9) > int(place * share + 1e-9)


def _rounds(members: list[int], source: random.Random) -> Iterator[int]:
    while True:
        source.shuffle(members)
        yield from members
