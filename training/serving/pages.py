"""What the page of a version shows: figures against the live version, the gate, the worst answers, the lineage."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from annotations.review.diff import Piece, word_diff
from annotations.review.models import LabelCategory
from labelhub.errors import Refused
from labelhub.people.models import User
from training.evaluation.figures import figures
from training.evaluation.folders import left_out
from training.evaluation.metrics import Figure, figure
from training.evaluation.models import CaseResult, Evaluation
from training.registry.actions import ensure_promotable, latest_report
from training.registry.live import Slot, live_version, name_of, undone_by_rollback
from training.registry.models import Promotion
from training.registry.pages import Step
from training.runs.models import ModelVersion

WORST, ROWS = 20, 200


@dataclass(frozen=True)
class CategoryLine:
    name: str
    figure: Figure
    protected: bool = False


@dataclass(frozen=True)
class Worse:
    """A case that was right and is not any more."""

    question: str
    before: str
    after: list[Piece]
    slice: str


def version_context(version: ModelVersion, person: User) -> dict[str, Any]:
    rows = version.evaluations.select_related("baseline__project").order_by("-pk")
    newest, done = rows.first(), rows.filter(state=Evaluation.State.SUCCEEDED).first()
    gate = latest_report(version)
    live = {slot: live_version(version.project, slot) for slot in Slot.values}
    run = version.run
    return {
        "version": version,
        "run": run,
        "newest": newest,
        "evaluation": done,
        "against": (str(done.baseline) if done.baseline else "the base") if done else "",
        "figures": figures(done) if done else None,
        "left_out": left_out(done) if done else [],
        "categories": categories(done) if done else [],
        "worst": worst(done) if done else [],
        "gate": gate,
        "steps": _steps(version, done, gate, live),
        "refusals": {slot: _refusal(version, slot, person, live[slot]) for slot in Slot.values},
        "live": live,
        "is_live": live[Slot.PRODUCTION] == version,
        "live_name": name_of(live[Slot.PRODUCTION]),
        "can_roll_back": undone_by_rollback(_newest(version)) is not None,
        "rows": run.snapshot.rows.with_lineage().order_by("position")[:ROWS] if run else [],
        "history": Promotion.objects.of(version.project).with_people().newest_first()[:10],
    }


def _newest(version: ModelVersion) -> Promotion | None:
    return Promotion.objects.of(version.project).in_slot(Slot.PRODUCTION).with_people().newest_first().first()


def _refusal(version: ModelVersion, slot: str, person: User, live: ModelVersion | None) -> str:
    """Why it cannot be promoted now; '' when it can."""
    if live == version:
        return f"It is live in {slot}."
    try:
        ensure_promotable(version, slot=slot, by=person)
    except Refused as refusal:
        return refusal.detail
    return ""


def _steps(version: ModelVersion, evaluation: Evaluation | None, gate: Any, live: dict[str, Any]) -> list[Step]:
    run = version.run
    steps = [Step(str(run.snapshot), "", run.snapshot.created_at)] if run else []
    steps.append(Step("Trained", "", version.created_at))
    steps.append(Step("Evaluated", "" if evaluation else "later", evaluation.finished_at if evaluation else None))
    if gate is None:
        steps.append(Step("Gate", "later"))
    else:
        steps.append(Step("Gate passed" if gate.passed else "Gate refused", "" if gate.passed else "failed", gate.at))
    steps += [Step(slot.label, "now" if live[slot] == version else "later") for slot in Slot]
    return steps


def categories(evaluation: Evaluation) -> list[CategoryLine]:
    """By the categories that people gave to what the case corrects, and what was good as it was."""
    results = evaluation.results.exclude(case__approval=None)
    facts = list(results.values_list("case__approval__label", "case__rejected", "before_exact", "after_exact"))
    given = LabelCategory.objects.filter(label__in={label for label, *_ in facts}).select_related("category")
    names: dict[int, list[str]] = defaultdict(list)
    for one in given:
        names[one.label_id].append(one.category.name)
    good: list[tuple[bool, bool]] = []
    by_name: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for label, rejected, before, after in facts:
        if not rejected:
            good.append((before, after))
        for name in names[label]:
            by_name[name].append((before, after))
    lines = [CategoryLine(name, _figure(pairs)) for name, pairs in by_name.items()]
    lines.sort(key=lambda line: -line.figure.n)
    return [*lines, CategoryLine("Good as it was", _figure(good), protected=True)] if good else lines


def _figure(pairs: list[tuple[bool, bool]]) -> Figure:
    return figure([before for before, _ in pairs], [after for _, after in pairs])


def worst(evaluation: Evaluation) -> list[Worse]:
    """Right before, wrong now: those that the version holds for least likely first."""
    results = list(evaluation.results.worse().select_related("case"))
    results.sort(key=_likelihood_lost, reverse=True)
    return [
        Worse(
            question=row.case.question,
            before=row.before_output,
            after=word_diff(row.before_output, row.after_output),
            slice=row.get_slice_display(),
        )
        for row in results[:WORST]
    ]


def _likelihood_lost(row: CaseResult) -> float:
    sides = [(row.logprobs.get(side) or {}).get("gold") or 0.0 for side in ("before", "after")]
    return float(sides[0] - sides[1])
