"""What an evaluation showed, computed from its case results."""

from dataclasses import dataclass

from django.db import models

from training.evaluation.metrics import Figure, figure, token_f1
from training.evaluation.models import CaseResult, Evaluation


@dataclass(frozen=True)
class Figures:
    """Held-out and regression are never mixed; `unseen` and `siblings` are parts of regression."""

    held_out: Figure
    regression: Figure
    unseen: Figure
    siblings: Figure
    fixed: Figure  # corrections of the run's rows
    held_out_f1: Figure
    prefers: Figure  # of corrected answers: how often the gold is likelier than what was rejected


def figures(evaluation: Evaluation) -> Figures:
    results = CaseResult.objects.filter(evaluation=evaluation)
    regression = results.regression()
    return Figures(
        held_out=_exact(results.held_out()),
        regression=_exact(regression),
        unseen=_exact(regression.unseen()),
        siblings=_exact(regression.unseen().siblings()),
        fixed=_exact(regression.filter(slice=CaseResult.Slice.CORRECTED)),
        held_out_f1=_f1(results.held_out()),
        prefers=_prefers(results.exclude(case__rejected="")),
    )


def _exact(results: "models.QuerySet[CaseResult]") -> Figure:
    pairs = list(results.order_by("case").values_list("before_exact", "after_exact"))
    return figure([before for before, _ in pairs], [after for _, after in pairs])


def _prefers(results: "models.QuerySet[CaseResult]") -> Figure:
    before, after = [], []
    for logprobs in results.order_by("case").values_list("logprobs", flat=True):
        sides = [logprobs.get(side) or {} for side in ("before", "after")]
        if all(side.get("gold") is not None and side.get("rejected") is not None for side in sides):
            before.append(float(sides[0]["gold"] > sides[0]["rejected"]))
            after.append(float(sides[1]["gold"] > sides[1]["rejected"]))
    return figure(before, after)


def _f1(results: "models.QuerySet[CaseResult]") -> Figure:
    rows = list(results.order_by("case").values_list("case__gold", "before_output", "after_output"))
    before = [token_f1(answer, gold) for gold, answer, _ in rows]
    return figure(before, [token_f1(answer, gold) for gold, _, answer in rows])
