"""Whether a version may replace the live one. Pure: figures in, rules with their verdicts out."""

from dataclasses import asdict, dataclass
from typing import Any

from training.evaluation.figures import Figures
from training.evaluation.metrics import Figure


@dataclass(frozen=True)
class Limits:
    """What a project asks of a version. Drops are shares: 0.03 is 3 points."""

    held_out_cases: int = 50
    unseen_drop: float = 0.03
    sibling_cases: int = 30
    sibling_drop: float = 0.05
    learnt_share: float = 0.8


@dataclass(frozen=True)
class Rule:
    """One rule in words, with what was measured and what was asked."""

    rule: str
    value: str
    limit: str
    passed: bool

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def judge(figures: Figures, *, corrections: int, twins: int, limits: Limits) -> list[Rule]:
    """`corrections`: how many the version learned. `twins`: earlier versions with the very same weights.

    A tie keeps the champion: a version must be better on held-out cases, and beyond chance if it learned corrections.
    """
    held_out, unseen, siblings, fixed = figures.held_out, figures.unseen, figures.siblings, figures.fixed
    rules = [
        _at_least("held-out cases", held_out.n, limits.held_out_cases),
        Rule(
            "Right more often on held-out cases than the live version", held_out.points, "above 0", held_out.change > 0
        ),
    ]
    if corrections:
        rules.append(
            Rule("… beyond chance (95 % interval above zero)", held_out.interval, "above 0", held_out.is_better)
        )
        rules.append(_learnt(fixed, limits.learnt_share))
    rules += [
        _keeps("Approved answers not trained on stay right", unseen, limits.unseen_drop),
        _at_least("uncorrected neighbours (same topic, not trained on)", siblings.n, limits.sibling_cases),
        _keeps("Uncorrected neighbours stay right", siblings, limits.sibling_drop),
        Rule("Its weights are new", f"{twins} twins" if twins else "new", "no twin", not twins),
    ]
    return rules


def passed(rules: list[Rule]) -> bool:
    return all(rule.passed for rule in rules)


def _learnt(fixed: Figure, share: float) -> Rule:
    """Corrections that contradict each other cannot be learnt, however much else became better by them."""
    value = f"{100 * fixed.after:.1f} %" if fixed.n else "no cases"
    words = "What was corrected is answered as corrected"
    return Rule(words, value, f"{100 * share:g} % or more", not fixed.n or fixed.after >= share)


def _at_least(what: str, n: int, least: int) -> Rule:
    return Rule(f"At least {least} {what}", str(n), str(least), n >= least)


def _keeps(words: str, figure: Figure, drop: float) -> Rule:
    """Rounded as far as floating point errs: a drop of exactly the limit is allowed."""
    return Rule(words, figure.points, f"-{100 * drop:g} or better", round(figure.change, 9) >= -drop)
