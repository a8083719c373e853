"""What the demo showed, read from the database and from nothing else."""

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

from django.db.models import Min

from annotations.capture.models import Feedback, Interaction, Session
from annotations.guidance.models import Injection
from annotations.review.models import Approval, Label
from annotations.triage.models import Flag
from labelhub.projects.models import Project
from training.evaluation.figures import figures
from training.evaluation.metrics import Figure, figure
from training.evaluation.models import CaseResult, Evaluation
from training.loop.lineage import lineage_ok
from training.registry.models import Promotion

HELD_OUT = "held-out"  # slug of the suite
CONTEXT_OFF, CONTEXT_ON, SIBLING, AFTER = "off", "on", "sibling", "after"  # metadata["trial"] of the asked questions


@dataclass(frozen=True)
class Check:
    """One thing that the demo must show."""

    what: str
    value: Any
    limit: str
    held: bool


def report(project: Project, *, seed: int, wall_s: float) -> dict[str, Any]:
    evaluation = Evaluation.objects.filter(project=project).succeeded().latest("pk")
    shown = figures(evaluation)
    live = Promotion.objects.filter(project=project).in_slot(Promotion.Slot.PRODUCTION).order_by("-pk").first()
    version = live.version if live and live.version else evaluation.version
    counts = {
        "interactions": Interaction.objects, "sessions": Session.objects, "feedback": Feedback.objects,
        "flags": Flag.objects, "labels": Label.objects, "approvals": Approval.objects,
    }  # fmt: skip
    return {
        **{name: rows.filter(project=project).count() for name, rows in counts.items()},
        "holdout": {"metric": "exact_match", **_before_after(held_out(evaluation))},
        "regression": _before_after(elsewhere(evaluation)),
        "siblings": _before_after(shown.siblings),
        "context": _context(project),
        "time_to_fix_s": _time_to_fix(project, version.name if live else ""),
        "promoted_version": version.number if live and live.version else None,
        "adapter_sha256": version.adapter_sha256,
        "lineage_ok": not lineage_ok(version),
        "wall_s": round(wall_s, 1),
        "seed": seed,
    }


def held_out(evaluation: Evaluation) -> Figure:
    """The uploaded questions only: the test split asks in sentences that customers use, these in new ones."""
    results = CaseResult.objects.filter(evaluation=evaluation, case__suite__slug=HELD_OUT).order_by("case")
    return _figure(results)


def elsewhere(evaluation: Evaluation) -> Figure:
    """Approved good answers on other topics, none of them nor a near-duplicate among the rows trained on."""
    results = CaseResult.objects.filter(evaluation=evaluation).regression().unseen().order_by("case")
    good = results.filter(slice=CaseResult.Slice.ELSEWHERE, case__approval__label__verdict=Label.Verdict.GOOD)
    return _figure(good)


def _figure(results: Any) -> Figure:
    pairs = list(results.values_list("before_exact", "after_exact"))
    return figure([before for before, _ in pairs], [after for _, after in pairs])


def _before_after(figure: Figure) -> dict[str, Any]:
    values = asdict(figure)
    return {"n": values["n"], "before": round(values["before"], 4), "after": round(values["after"], 4)}


def _asked(project: Project, trial: str) -> Any:
    return Interaction.objects.filter(project=project, metadata__trial=trial)


def gold_answers(project: Project) -> dict[str, str]:
    """Prompt → approved correction."""
    rows = Approval.objects.filter(project=project).current().corrections().select_related("label", "interaction")
    return {row.interaction.prompt: row.label.rewrite for row in rows}


def _context(project: Project) -> dict[str, Any]:
    gold = gold_answers(project)
    right = {
        trial: [row.output == gold.get(row.prompt) for row in _asked(project, trial)]
        for trial in (CONTEXT_ON, CONTEXT_OFF)
    }
    asked = [row.prompt for row in _asked(project, SIBLING)]
    digests = {hashlib.sha256(prompt.encode()).hexdigest() for prompt in asked}
    injected = set(
        Injection.objects.filter(project=project, prompt_sha256__in=digests).values_list("prompt_sha256", flat=True)
    )
    return {
        "n": len(right[CONTEXT_ON]),
        "with": _share(right[CONTEXT_ON]),
        "without": _share(right[CONTEXT_OFF]),
        "siblings_asked": len(digests),
        "sibling_injected": round(len(injected) / len(digests), 4) if digests else None,
    }


def _share(values: list[bool]) -> float:
    return round(sum(values) / len(values), 4) if values else 0.0


def _time_to_fix(project: Project, version: str) -> dict[str, float | None]:
    """Seconds. From an Approval, and from the failure itself, to the first answer that is right."""
    approvals = Approval.objects.filter(project=project)
    last = approvals.order_by("pk").last()
    probe = approvals.corrections().select_related("interaction").order_by("pk").last()
    first = probe.injections.aggregate(at=Min("at"))["at"] if probe else None
    gold = gold_answers(project)
    after = _asked(project, AFTER).filter(model_version=version).order_by("received_at")
    fixed = next((row for row in after if row.output == gold.get(row.prompt)), None)
    failed = fixed and approvals.filter(interaction__prompt=fixed.prompt).select_related("interaction").first()
    return {
        "context": _seconds(probe and probe.at, first),
        "adapter": _seconds(last and last.at, fixed and fixed.received_at),
        "context_from_failure": _seconds(probe and probe.interaction.received_at, first),
        "adapter_from_failure": _seconds(failed and failed.interaction.received_at, fixed and fixed.received_at),
    }


def _seconds(start: Any, end: Any) -> float | None:
    return round((end - start).total_seconds(), 2) if start and end else None


def checks(facts: dict[str, Any]) -> list[Check]:
    """What must hold, in words."""
    held_out, regression, siblings = facts["holdout"], facts["regression"], facts["siblings"]
    context, times = facts["context"], facts["time_to_fix_s"]
    gain = held_out["after"] - held_out["before"]
    return [
        Check("held-out questions", held_out["n"], "≥ 50", held_out["n"] >= 50),
        Check("held-out gain", round(gain, 3), "≥ 0.50", gain >= 0.5),
        _kept("good answers elsewhere", regression, 100, 0.03),
        _kept("siblings", siblings, 30, 0.05),
        Check("corrected questions asked with the context", context["n"], "≥ 30", context["n"] >= 30),
        Check("right with the context", context["with"], "≥ 0.90", context["with"] >= 0.9),
        Check("right without it", context["without"], "≤ 0.10", context["without"] <= 0.1),
        Check(
            "siblings given a correction",
            context["sibling_injected"],
            "≤ 0.05",
            (context["sibling_injected"] or 0) <= 0.05,
        ),
        _within("seconds from approval to context", times["context"], 5),
        _within("seconds from approval to a fixed model", times["adapter"], 120),
        Check("promoted", facts["promoted_version"], "a version", facts["promoted_version"] is not None),
        Check("lineage", facts["lineage_ok"], "true", facts["lineage_ok"]),
    ]


def _kept(what: str, figure: dict[str, Any], least: int, drop: float) -> Check:
    lost = figure["before"] - figure["after"]
    value = f"{figure['before']:.3f} → {figure['after']:.3f}, n {figure['n']}"
    return Check(what, value, f"n ≥ {least}, down by ≤ {drop}", figure["n"] >= least and lost <= drop + 1e-9)


def _within(what: str, seconds: float | None, limit: float) -> Check:
    return Check(what, seconds, f"≤ {limit}", seconds is not None and seconds <= limit)
