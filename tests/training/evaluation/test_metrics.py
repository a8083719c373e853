"""Figures: pairs, intervals, words."""

import tracemalloc

import numpy as np
import pytest

from training.evaluation import metrics
from training.evaluation.metrics import bootstrap, exact_match, figure, token_f1


def test_exact_match_minds_everything_but_the_white_space_around():
    assert exact_match(" 39 euros.\n", "39 euros.")
    assert not exact_match("39 Euros.", "39 euros.")


@pytest.mark.parametrize(
    ("answer", "gold", "f1"),
    [("", "", 1.0), ("", "a", 0.0), ("a b", "a b", 1.0), ("A b c d", "a x", 1 / 3), ("a a", "a", 2 / 3)],
)
def test_token_f1_counts_words_with_their_multiplicity(answer, gold, f1):
    assert token_f1(answer, gold) == pytest.approx(f1)


def test_the_interval_holds_the_change_and_narrows_with_more_cases():
    few, many = (figure([0, 1] * n, [1, 1] * n) for n in (10, 1_000))
    for one in (few, many):
        assert one.low < one.change == 0.5 < one.high
    assert many.high - many.low < (few.high - few.low) / 5
    assert many.is_better


def test_a_tie_is_no_improvement_and_no_cases_are_no_figure():
    assert not figure([1, 0], [1, 0]).is_better
    assert figure([], []).points == "no cases"
    assert not figure([], []).is_better


def test_the_same_cases_always_give_the_same_interval():
    differences = np.array([1, 0, 0, -1, 1, 1])
    assert bootstrap(differences) == bootstrap(differences)


def test_scores_and_shares_agree_on_their_interval():
    """Counting distinct differences must be the same statistics as resampling them."""
    differences = np.repeat([0.0, 1.0], 500)
    spread = differences + np.linspace(0, 1e-9, 1_000)
    assert bootstrap(differences) == pytest.approx(bootstrap(spread), abs=0.01)


def test_many_different_scores_cost_bounded_memory():
    differences = np.random.default_rng(0).normal(size=40_000)
    tracemalloc.start()
    low, high = bootstrap(differences, resamples=400)  # 128 MB of draws at once
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert low < differences.mean() < high
    assert peak < 40e6


@pytest.mark.parametrize("n", [65, 101, 1_000])
@pytest.mark.parametrize("block", [1, 333, 4_097])
def test_blocks_change_no_figure(n, block, monkeypatch):
    differences = np.random.default_rng(1).normal(size=n)
    drawn = np.random.default_rng(7).choice(differences, size=(150, n)).mean(axis=1)
    monkeypatch.setattr(metrics, "BLOCK", block)
    assert bootstrap(differences, seed=7, resamples=150) == tuple(np.quantile(drawn, [0.025, 0.975]))


def test_pairs_must_be_of_the_same_cases():
    with pytest.raises(ValueError, match="same cases"):
        figure([1], [1, 0])
