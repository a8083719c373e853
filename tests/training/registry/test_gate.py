"""What the gate lets through: on plain figures."""

import pytest

from training.evaluation.figures import Figures
from training.evaluation.metrics import figure
from training.registry.gate import Limits, judge, passed


def share(n: int, before: int, after: int):
    return figure([i < before for i in range(n)], [i < after for i in range(n)])


def verdict(
    *, held_out=(60, 5, 55), unseen=(120, 118, 118), siblings=(40, 40, 40), fixed=(30, 0, 30), corrections=20, twins=0
) -> dict[str, bool]:
    empty = share(0, 0, 0)
    figures = Figures(share(*held_out), empty, share(*unseen), share(*siblings), share(*fixed), empty, empty)
    rules = judge(figures, corrections=corrections, twins=twins, limits=Limits())
    return {"all": passed(rules), **{rule.rule: rule.passed for rule in rules}}


def broken(**over) -> list[str]:
    return [rule for rule, ok in verdict(**over).items() if not ok and rule != "all"]


def test_a_version_that_fixes_and_forgets_nothing_passes():
    assert verdict()["all"]
    assert broken() == []


@pytest.mark.parametrize(
    ("over", "rule"),
    [
        ({"held_out": (49, 5, 45)}, "At least 50 held-out cases"),
        ({"siblings": (29, 29, 29)}, "At least 30 uncorrected neighbours"),
        ({"unseen": (100, 100, 96)}, "Approved answers not trained on stay right"),
        ({"siblings": (40, 40, 37)}, "Uncorrected neighbours stay right"),
        ({"fixed": (30, 0, 23)}, "What was corrected is answered as corrected"),
        ({"twins": 1}, "Its weights are new"),
    ],
)
def test_each_rule_refuses_alone(over, rule):
    assert [name for name in broken(**over) if name.startswith(rule)] == broken(**over)
    assert len(broken(**over)) == 1
    assert not verdict(**over)["all"]


@pytest.mark.parametrize("over", [{"unseen": (100, 100, 97)}, {"siblings": (40, 40, 38)}])
def test_a_drop_of_exactly_the_limit_is_allowed(over):
    assert verdict(**over)["all"]


def test_a_tie_keeps_the_champion():
    assert "Right more often on held-out cases than the live version" in broken(held_out=(60, 30, 30))
    assert "Right more often on held-out cases than the live version" in broken(held_out=(60, 30, 29), corrections=0)


def test_corrections_must_show_beyond_chance_and_good_answers_alone_need_not():
    assert broken(held_out=(60, 30, 31)) == ["… beyond chance (95 % interval above zero)"]
    assert broken(held_out=(60, 30, 31), corrections=0) == []
