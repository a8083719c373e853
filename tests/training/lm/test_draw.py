from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from tests.training.lm.tiny import SHORT, make_rows
from training.lm.draw import draw_order


@pytest.mark.parametrize("share", [0.0, 0.25, 1 / 3, 0.5, 0.9, 1.0])
def test_corrections_have_their_share_whatever_their_number(share: float):
    rows = make_rows(corrections=3, others=50)
    recipe = replace(SHORT, correction_share=share, max_steps=25, batch_size=8)
    order = draw_order(rows, recipe, seed=1)
    assert len(order) == 200
    drawn = [rows[index].kind == "correction" for index in order]
    assert abs(sum(drawn) - share * 200) <= 1
    for start in range(0, 200, 8):
        assert abs(sum(drawn[start : start + 8]) - share * 8) <= 1


def test_each_side_is_gone_through_before_a_row_comes_again():
    rows = make_rows(corrections=5, others=20)
    order = draw_order(rows, replace(SHORT, correction_share=0.5, max_steps=10, batch_size=4), seed=1)
    counts = Counter(order)
    assert {counts[index] for index in range(5)} == {4}
    assert {counts[index] for index in range(5, 25)} == {1}


def test_a_side_without_rows_leaves_all_places_to_the_other():
    for rows in (make_rows(corrections=4, others=0), make_rows(corrections=0, others=4)):
        assert set(draw_order(rows, SHORT, seed=1)) == {0, 1, 2, 3}


def test_the_order_depends_on_the_seed_alone():
    rows = make_rows()
    assert draw_order(rows, SHORT, seed=3) == draw_order(rows, SHORT, seed=3)
    assert draw_order(rows, SHORT, seed=3) != draw_order(rows, SHORT, seed=4)
