"""Agreement beyond chance: the published examples, what must hold of any data, and spans matched one to one."""

from itertools import chain, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotations.review.reliability import alpha, consensus, interval, kappa, span_f1, table

LEVELS = "nominal", "ordinal"
NONE = np.nan

# 4 observers, 12 units: Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), example C and D.
PUBLISHED = np.array([
    [1, 2, 3, 3, 2, 1, 4, 1, 2, NONE, NONE, NONE],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NONE, 3],
    [NONE, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NONE],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NONE],
])  # fmt: skip


def tables(values=(NONE, 0.0, 1.0, 2.0, 3.0)):
    """Ratings [2 to 4 annotators, 1 to 8 items]."""
    sizes = st.tuples(st.integers(2, 4), st.integers(1, 8))
    return sizes.flatmap(
        lambda size: st.lists(
            st.lists(st.sampled_from(values), min_size=size[1], max_size=size[1]), min_size=size[0], max_size=size[0]
        ).map(np.array)
    )


def by_pairs(ratings, level):
    """Alpha as it is defined: the mean distance within items over that of all pairs of values, without a matrix."""
    items = [[value for value in item if not np.isnan(value)] for item in ratings.T]
    items = [item for item in items if len(item) > 1]
    values = sorted(chain.from_iterable(items))

    def distance(one, other):
        if level == "nominal":
            return float(one != other)
        low, high = min(one, other), max(one, other)
        between = sum(low <= value <= high for value in values)
        return (between - (values.count(one) + values.count(other)) / 2) ** 2

    expected = sum(distance(*pair) for pair in permutations(values, 2))
    if not expected:
        return None
    observed = sum(sum(distance(*pair) for pair in permutations(item, 2)) / (len(item) - 1) for item in items)
    return 1 - (len(values) - 1) * observed / expected


def noisy(items, right=0.8, seed=1):
    """3 annotators who give the true one of 4 values with probability `right`, else any."""
    chance = np.random.default_rng(seed)
    true = chance.integers(4, size=items)
    return np.where(chance.random((3, items)) < right, true, chance.integers(4, size=(3, items))).astype(float)


def pairs(counts):
    """What two raters said, from the table of how often they said what."""
    cells = [
        (row, column) for row, line in enumerate(counts) for column, times in enumerate(line) for _ in range(times)
    ]
    return [row for row, _ in cells], [column for _, column in cells]


def width(bounds):
    return bounds[1] - bounds[0]


def test_alpha_of_krippendorffs_example_is_the_published_nominal_one():
    assert round(alpha(PUBLISHED, "nominal"), 3) == 0.743


def test_alpha_of_krippendorffs_example_is_the_published_ordinal_one():
    assert round(alpha(PUBLISHED, "ordinal"), 3) == 0.815


@pytest.mark.parametrize("level", LEVELS)
def test_perfect_agreement_is_one(level):
    assert alpha(np.array([[0, 1, 2, 3]] * 3), level) == 1


@pytest.mark.parametrize("level", LEVELS)
def test_systematic_disagreement_is_below_zero(level):
    assert alpha(np.array([[0, 1, 0, 1], [1, 0, 1, 0]]), level) == pytest.approx(-0.75)


@pytest.mark.parametrize("level", LEVELS)
def test_there_is_no_alpha_of_one_value_only(level):
    assert alpha(np.ones((3, 5)), level) is None


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    "ratings",
    [np.full((2, 3), NONE), np.zeros((0, 0)), np.array([[1, NONE], [NONE, 2]]), np.array([[1.0, 2.0]])],
    ids=["nothing rated", "nobody", "never the same item", "one annotator"],
)
def test_there_is_no_alpha_or_interval_where_nothing_can_be_paired(ratings, level):
    assert (alpha(ratings, level), interval(ratings, level)) == (None, None)


def test_a_level_that_there_is_not_is_refused():
    with pytest.raises(KeyError):
        alpha(PUBLISHED, "ratio")


@given(ratings=tables(), level=st.sampled_from(LEVELS), data=st.data())
def test_alpha_does_not_depend_on_the_order_of_annotators_or_items(ratings, level, data):
    rows, columns = (data.draw(st.permutations(range(size))) for size in ratings.shape)
    assert alpha(ratings[rows][:, columns], level) == pytest.approx(alpha(ratings, level))


@given(ratings=tables(), level=st.sampled_from(LEVELS))
def test_alpha_is_what_a_loop_over_all_pairs_gives(ratings, level):
    assert alpha(ratings, level) == pytest.approx(by_pairs(ratings, level))


@given(ratings=tables())
def test_ordinal_alpha_looks_at_the_order_of_values_only(ratings):
    assert alpha(10**ratings, "ordinal") == pytest.approx(alpha(ratings, "ordinal"))


@given(ratings=tables(values=(NONE, 0.0, 1.0)))
def test_of_two_values_the_level_makes_no_difference(ratings):
    assert alpha(ratings, "ordinal") == pytest.approx(alpha(ratings, "nominal"))


def test_ordinal_alpha_forgives_what_is_near():
    near, far = np.array([[0, 1, 2, 3], [1, 1, 2, 3]]), np.array([[0, 1, 2, 3], [3, 1, 2, 3]])
    assert alpha(near, "ordinal") > alpha(far, "ordinal")


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("ratings", [PUBLISHED, noisy(40), noisy(500)], ids=["published", "40 items", "500 items"])
def test_the_interval_contains_the_estimate(ratings, level):
    low, high = interval(ratings, level)
    assert low <= alpha(ratings, level) <= high


@pytest.mark.parametrize("level", LEVELS)
def test_the_interval_shrinks_with_the_root_of_the_number_of_items(level):
    few, many = interval(noisy(50), level), interval(np.tile(noisy(50), 16), level)
    assert width(many) == pytest.approx(width(few) / 4, rel=0.2)


@pytest.mark.parametrize("level", LEVELS)
def test_the_interval_is_the_same_for_the_same_seed(level):
    assert interval(PUBLISHED, level, seed=7) == interval(PUBLISHED, level, seed=7)


def test_the_interval_is_another_for_another_seed():
    assert interval(PUBLISHED, "nominal", seed=7) != interval(PUBLISHED, "nominal", seed=8)


def test_the_interval_does_not_depend_on_the_order_of_annotators_or_items():
    assert interval(PUBLISHED[::-1, ::-1], "nominal") == interval(PUBLISHED, "nominal")


def test_the_interval_is_that_of_drawing_items_one_by_one():
    ratings, chance = noisy(60), np.random.default_rng(3)
    drawn = [alpha(ratings[:, chance.integers(60, size=60)], "ordinal") for _ in range(500)]
    assert interval(ratings, "ordinal") == pytest.approx(np.percentile(drawn, [2.5, 97.5]), abs=0.03)


def test_there_is_no_interval_of_one_value_only():
    assert interval(np.ones((3, 5)), "nominal") is None


def test_there_is_no_interval_of_one_item():
    assert interval(np.array([[1, 1], [2, NONE]]), "nominal") is None


def test_resamples_without_any_variation_do_not_count():
    ratings = np.array([[0, 0, 0, 1], [0, 0, 0, 1]])  # without the last item, which a third of them miss, no alpha
    assert interval(ratings, "nominal") == (1, 1)


@pytest.mark.parametrize("level", LEVELS)
def test_of_three_annotators_and_500_items_alpha_is_told_to_an_eighth(level):
    assert 0 < width(interval(noisy(500), level)) < 1 / 8


def test_kappa_of_cohens_example_is_the_published_one():
    """Cohen, "A Coefficient of Agreement for Nominal Scales" (1960): 200 cases, three diagnoses."""
    assert round(kappa(*pairs([[88, 14, 18], [10, 40, 10], [2, 6, 12]])), 3) == 0.492


def test_kappa_of_two_radiologists_is_the_published_one():
    """Altman, "Practical Statistics for Medical Research" (1991), table 14.2: 85 xeromammograms (Boyd et al., 1982)."""
    assert round(kappa(*pairs([[21, 12, 0, 0], [4, 17, 1, 0], [3, 9, 15, 2], [0, 0, 0, 1]])), 2) == 0.47


def test_kappa_of_perfect_agreement_is_one():
    assert kappa("abca", "abca") == 1


def test_kappa_of_systematic_disagreement_is_below_zero():
    assert kappa("abab", "baba") == -1


@pytest.mark.parametrize("said", ["", "aaa"], ids=["nothing", "one value"])
def test_there_is_no_kappa_where_chance_alone_would_agree(said):
    assert kappa(said, said) is None


def test_kappa_of_two_who_each_say_one_other_thing_is_zero():
    assert kappa("aaa", "bbb") == 0


def test_kappa_needs_as_many_values_of_one_as_of_the_other():
    with pytest.raises(ValueError, match="shorter"):
        kappa("ab", "a")


def test_equal_spans_match_exactly():
    assert span_f1([[(0, 4, "tone"), (6, 9, None)]], [[(6, 9, None), (0, 4, "tone")]], overlap=False) == 1


@pytest.mark.parametrize("other", [(0, 5, "tone"), (1, 4, "tone"), (0, 4, "fact"), (0, 4, None)])
def test_a_span_of_another_place_or_category_does_not_match_exactly(other):
    assert span_f1([[(0, 4, "tone")]], [[other]], overlap=False) == 0


def test_a_span_marked_twice_matches_once_exactly_what_was_marked_once():
    assert span_f1([[(0, 4, None), (0, 4, None)]], [[(0, 4, None)]], overlap=False) == pytest.approx(2 / 3)


def test_one_common_code_point_is_enough_to_overlap():
    assert span_f1([[(0, 4, "tone")]], [[(3, 9, "tone")]], overlap=True) == 1


@pytest.mark.parametrize("other", [(4, 9, "tone"), (3, 9, "fact"), (3, 9, None), (2, 2, "tone")])
def test_spans_that_only_touch_or_differ_in_category_do_not_overlap(other):
    assert span_f1([[(0, 4, "tone")]], [[other]], overlap=True) == 0


def test_overlapping_spans_are_matched_one_to_one():
    assert span_f1([[(0, 9, None)]], [[(0, 4, None), (5, 9, None)]], overlap=True) == pytest.approx(2 / 3)


def test_overlapping_spans_are_matched_where_the_first_that_fits_would_be_wrong():
    a = [[(0, 10, None), (1, 3, None)]]
    b = [[(2, 4, None), (8, 9, None)]]  # the long one must leave the first to the short one
    assert span_f1(a, b, overlap=True) == 1


def test_a_long_row_of_spans_is_rematched_to_its_end():
    number = 400
    a = [[*((2 * at + 1, 2 * at + 3, None) for at in range(number)), (0, 1, None)]]
    b = [[(2 * at, 2 * at + 2, None) for at in range(number + 1)]]
    assert span_f1(a, b, overlap=True) == 1


@st.composite
def marked(draw):
    starts, lengths, names = st.integers(0, 9), st.integers(1, 5), st.sampled_from(["tone", None])
    spans = st.lists(st.builds(lambda at, length, name: (at, at + length, name), starts, lengths, names), max_size=5)
    return draw(spans), draw(spans)


@given(marked=marked())
def test_no_other_matching_of_overlapping_spans_has_more_pairs(marked):
    few, many = sorted(marked, key=len)
    most = max(
        sum(one[2] == other[2] and one[0] < other[1] and other[0] < one[1] for one, other in zip(few, row, strict=True))
        for row in permutations(many, len(few))
    )
    found = span_f1([marked[0]], [marked[1]], overlap=True)
    assert found == (2 * most / (len(few) + len(many)) if many else None)


@given(marked=marked(), overlap=st.booleans())
def test_it_does_not_matter_which_of_the_two_marked_what(marked, overlap):
    one, other = ([spans] for spans in marked)
    assert span_f1(one, other, overlap=overlap) == span_f1(other, one, overlap=overlap)


def test_spans_of_different_items_are_never_matched():
    assert span_f1([[(0, 4, None)], []], [[], [(0, 4, None)]], overlap=True) == 0


@pytest.mark.parametrize("overlap", [False, True])
def test_there_is_no_agreement_on_spans_where_neither_marked_anything(overlap):
    assert span_f1([[], []], [[], []], overlap=overlap) is None


def test_spans_need_as_many_items_of_one_as_of_the_other():
    with pytest.raises(ValueError, match="longer"):
        span_f1([[]], [[], []], overlap=False)


@pytest.mark.parametrize(
    ("values", "most"),
    [("aab", "a"), ("aa", "a"), ("ab", None), ("aabb", None), ("aabc", None), ("a", None), ("", None)],
)
def test_consensus_is_what_more_than_half_of_at_least_two_chose(values, most):
    assert consensus(values) == most


def test_a_table_has_a_row_for_each_annotator_and_nan_where_one_is_absent():
    rows = [("ann", 7, "good"), ("ann", 9, "bad"), ("bob", 9, "good")]
    np.testing.assert_array_equal(table(rows, ["bad", "good"]), [[1, 0], [NONE, 1]])


def test_a_table_of_nothing_has_no_alpha():
    assert alpha(table([], [False, True]), "nominal") is None


def test_nobody_rates_an_item_twice_in_a_table():
    with pytest.raises(ValueError, match="twice"):
        table([("ann", 7, 0), ("ann", 7, 1)], [0, 1])


def test_a_table_has_no_place_for_a_value_it_was_not_told_of():
    with pytest.raises(KeyError):
        table([("ann", 7, "odd")], ["bad", "good"])
