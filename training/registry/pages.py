"""What the launch page and the run page show."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count

from annotations.review.models import Approval
from labelhub.projects.models import Project
from training.datasets.models import DatasetSnapshot, LeftOut, SnapshotRow
from training.evaluation.models import Evaluation, Suite
from training.lm.recipes import NAMED
from training.registry.actions import latest_report
from training.registry.chart import LossChart, loss_chart
from training.registry.preflight import blocked, preflight
from training.runs.folders import run_folder
from training.runs.models import ModelVersion, TrainingRun
from training.runs.runners.local import read_log

LOG_TAIL = 4_000  # bytes
CASES = 100  # on a page


@dataclass(frozen=True)
class Step:
    """One stage on a timeline; `look` is a CSS class: '' done, now, later, failed."""

    name: str
    look: str
    at: datetime | None = None


def launch_context(project: Project, snapshot: DatasetSnapshot | None) -> dict[str, Any]:
    checks = preflight(project)
    return {
        "project": project,
        "checks": checks,
        "blocked": blocked(checks),
        "recipes": NAMED.values(),
        "snapshot": snapshot,
        "counts": _counts(snapshot) if snapshot else [],
        "left_out": _left_out(snapshot) if snapshot else [],
        "change": _change(snapshot) if snapshot else None,
        "rows": snapshot.rows.order_by("position")[:20] if snapshot else [],
        "waiting": Approval.objects.filter(project=project).current().count(),
    }


def _counts(snapshot: DatasetSnapshot) -> list[tuple[str, int]]:
    found = dict(snapshot.rows.order_by().values_list("kind").annotate(n=Count("pk")))
    return [(SnapshotRow.Kind(kind).label, found[kind]) for kind in SnapshotRow.Kind.values if kind in found]


def _left_out(snapshot: DatasetSnapshot) -> list[tuple[str, int]]:
    found = snapshot.left_out.order_by().values_list("reason").annotate(n=Count("pk"))
    return sorted(((LeftOut.Reason(reason).label, n) for reason, n in found), key=lambda line: -line[1])


def _change(snapshot: DatasetSnapshot) -> tuple[DatasetSnapshot, int, int] | None:
    """The snapshot before, how many rows are new since, and how many went."""
    before = DatasetSnapshot.objects.of(snapshot.project).filter(number__lt=snapshot.number).newest_first().first()
    if before is None:
        return None
    now, then = (set(one.rows.values_list("row_sha256", flat=True)) for one in (snapshot, before))
    return before, len(now - then), len(then - now)


def run_context(run: TrainingRun) -> dict[str, Any]:
    version = ModelVersion.objects.filter(run=run).select_related("project").first()
    evaluation = version.evaluations.order_by("-pk").first() if version else None
    context: dict[str, Any] = {
        "run": run,
        "version": version,
        "evaluation": evaluation,
        "steps": _steps(run, version, evaluation),
        "chart": _chart(run),
        "log": read_log(run_folder(run), -LOG_TAIL)[0],
        "recipe": [(name, f"{v:g}" if isinstance(v, float) else v) for name, v in sorted(run.recipe.items())],
        "percent": round(100 * run.step / run.max_steps) if run.max_steps else 0,
        "polled": run.is_active or _to_be_judged(version, evaluation),
    }
    return {**context, "seen": _fingerprint(context)}


def _to_be_judged(version: ModelVersion | None, evaluation: Evaluation | None) -> bool:
    failed = evaluation is not None and evaluation.state == Evaluation.State.FAILED
    return version is not None and not failed and latest_report(version) is None


def _chart(run: TrainingRun) -> LossChart | None:
    return loss_chart(list(run.metrics.values_list("step", "loss", "eval_loss")))


def _steps(run: TrainingRun, version: ModelVersion | None, evaluation: Evaluation | None) -> list[Step]:
    state = TrainingRun.State
    order = [state.QUEUED, state.STARTING, state.RUNNING, state.SUCCEEDED]
    times = [run.created_at, run.started_at, run.training_at, run.finished_at if version else None]
    names = ["Queued", "Starting", "Training", f"{version}" if version else "Registered"]
    if run.state in (state.FAILED, state.CANCELLED):
        done = [Step(name, "", at) for name, at in zip(names, times, strict=True) if at]
        return [*done, Step(run.get_state_display(), "failed", run.finished_at)]
    here = order.index(state(run.state))
    looks = ["" if i < here or run.state == state.SUCCEEDED else "now" if i == here else "later" for i in range(4)]
    steps = [Step(*parts) for parts in zip(names, looks, times, strict=True)]
    return [*steps, *_later_steps(version, evaluation)]


def _later_steps(version: ModelVersion | None, evaluation: Evaluation | None) -> list[Step]:
    if evaluation is None or version is None:
        return [Step("Evaluated", "later"), Step("Gate", "later")]
    if evaluation.state != Evaluation.State.SUCCEEDED:
        failed = evaluation.state == Evaluation.State.FAILED
        words = "Evaluation failed" if failed else "Evaluating"
        return [Step(words, "failed" if failed else "now", evaluation.started_at), Step("Gate", "later")]
    gate = latest_report(version)
    evaluated = Step("Evaluated", "", evaluation.finished_at)
    if gate is None:
        return [evaluated, Step("Gate", "now")]
    return [evaluated, Step("Gate passed" if gate.passed else "Gate refused", "" if gate.passed else "failed", gate.at)]


def _fingerprint(context: dict[str, Any]) -> str:
    """Changes whenever the page would look different."""
    run, evaluation = context["run"], context["evaluation"]
    facts = [run.state, run.step, run.attempt, run.failure, run.cancel_asked_at, run.metrics.count(), context["log"]]
    facts += [evaluation.state if evaluation else "", [(step.name, step.look) for step in context["steps"]]]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def suite_context(suite: Suite, *, case: int | None, before: int | None) -> dict[str, Any]:
    """Its newest cases, or those before the one of a number; or one alone."""
    rows = suite.cases.order_by("-pk")
    if case is not None:
        rows = rows.filter(pk=case)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    shown = list(rows[: CASES + 1])
    older = shown[CASES - 1].pk if len(shown) > CASES else None
    return {"suite": suite, "asked": suite.cases.asked().count(), "cases": shown[:CASES], "older": older, "only": case}
