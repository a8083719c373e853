"""Snapshots, runs, versions and verdicts as the API shows them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from django.db import models
from django.db.models import Count

from training.datasets.models import DatasetSnapshot, LeftOut, SnapshotRow
from training.evaluation.figures import Figures, figures
from training.evaluation.metrics import Figure
from training.evaluation.models import Case, Evaluation
from training.registry.models import GateReport, Promotion
from training.runs.models import ModelVersion, TrainingRun


def snapshots(rows: Sequence[DatasetSnapshot]) -> list[dict[str, Any]]:
    """In a fixed number of queries, however many there are."""
    kinds = _counts(SnapshotRow.objects.filter(snapshot__in=rows), "kind")
    reasons = _counts(LeftOut.objects.filter(snapshot__in=rows), "reason")
    return [
        {
            "number": row.number,
            "content_sha256": row.content_sha256,
            "rows": kinds[row.pk],
            "left_out": reasons[row.pk],
            "parameters": row.parameters,
            "by": str(row.by or ""),
            "created_at": row.created_at,
        }
        for row in rows
    ]


def _counts(rows: "models.QuerySet[Any]", by: str) -> dict[int, dict[str, int]]:
    """Snapshot → how many rows of each `by`."""
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    for snapshot, value, n in rows.order_by(by).values_list("snapshot", by).annotate(n=Count("pk")):
        counts[snapshot][value] = n
    return counts


def whole_snapshot(row: DatasetSnapshot) -> dict[str, Any]:
    """With its first rows and what was left out."""
    left_out = ("reason", "detail", "label", "approval", "interaction")
    first = ("position", "kind", "messages", "completion", "source", "row_sha256")
    return {
        **snapshots([row])[0],
        "left_out_rows": list(row.left_out.order_by("pk").values(*left_out)[:1_000]),
        "first_rows": list(row.rows.order_by("position").values(*first)[:20]),
    }


def run(row: TrainingRun, *, metrics: bool = False) -> dict[str, Any]:
    version: ModelVersion | None = getattr(row, "version", None)
    shown: dict[str, Any] = {
        "number": row.number,
        "state": row.state,
        "snapshot": row.snapshot.number,
        "recipe": row.recipe,
        "seed": row.seed,
        "base_model": row.base_model,
        "base_sha256": row.base_sha256,
        "parent": row.parent.number if row.parent else None,
        "reason": row.reason,
        "launched_by": str(row.launched_by or ""),
        "step": row.step,
        "max_steps": row.max_steps,
        "attempt": row.attempt,
        "failure": row.failure,
        "version": version.number if version else None,
        "created_at": row.created_at,
        "started_at": row.started_at,
        "training_at": row.training_at,
        "finished_at": row.finished_at,
    }
    if metrics:
        names = ("step", "loss", "eval_loss", "learning_rate", "grad_norm", "tokens_per_s", "elapsed_s")
        shown["metrics"] = list(row.metrics.values(*names))
    return shown


def version(row: ModelVersion) -> dict[str, Any]:
    return {
        "number": row.number,
        "name": row.name,
        "run": row.run.number if row.run else None,
        "adapter_sha256": row.adapter_sha256,
        "files": row.files,
        "manifest_sha256": row.manifest_sha256,
        "created_at": row.created_at,
    }


def evaluation(row: Evaluation) -> dict[str, Any]:
    """Without its figures, which take long to compute."""
    gate: GateReport | None = getattr(row, "gate_report", None)
    return {
        "id": row.pk,
        "version": row.version.number,
        "baseline": row.baseline.number if row.baseline else None,
        "state": row.state,
        "failure": row.failure,
        "gate": gate_report(gate) if gate else None,
        "created_at": row.created_at,
        "started_at": row.started_at,
        "finished_at": row.finished_at,
    }


def evaluation_with_figures(row: Evaluation) -> dict[str, Any]:
    done = row.state == Evaluation.State.SUCCEEDED
    return {**evaluation(row), "figures": _figures(figures(row)) if done else None}


def results(row: Evaluation) -> list[dict[str, Any]]:
    """What was answered to each case, before and after."""
    names = ("case", "slice", "seen", "before_output", "after_output", "before_exact", "after_exact", "logprobs")
    return list(row.results.order_by("case").values(*names, "case__suite__slug", "case__gold"))


def _figures(shown: Figures) -> dict[str, Any]:
    return {name: {**asdict(one), "change": one.change} for name, one in vars(shown).items() if isinstance(one, Figure)}


def gate_report(row: GateReport) -> dict[str, Any]:
    return {"passed": row.passed, "rules": row.rules, "at": row.at}


def promotion(row: Promotion) -> dict[str, Any]:
    return {
        "id": row.pk,
        "slot": row.slot,
        "version": row.version.number if row.version else None,
        "name": row.version.name if row.version else "base",
        "by": str(row.by),
        "at": row.at,
        "note": row.note,
        "undoes": row.undoes_id,
        "previous": row.previous_id,
    }


def cases(rows: Iterable[Case]) -> list[dict[str, Any]]:
    return [
        {
            "id": row.pk,
            "external_id": row.external_id,
            "messages": row.messages,
            "gold": row.gold,
            "retired_at": row.retired_at,
            "retired_reason": row.retired_reason,
        }
        for row in rows
    ]
