"""What is known of some cases, in a number of queries that does not grow with them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, QuerySet

from annotations.capture.models import Feedback, Interaction
from annotations.guidance.models import Injection
from annotations.recall.actions import PROMPT
from annotations.recall.models import Embedding
from annotations.review.models import Approval, Label, Return, ReviewTask
from annotations.triage.models import Flag
from labelhub.projects.models import Project
from training.datasets.models import DatasetSnapshot, LeftOut
from training.evaluation.models import CaseResult
from training.loop.cases import complaints, judgements, own_tests, work
from training.registry.live import live_version
from training.runs.models import ModelVersion, TrainingRun


@dataclass(frozen=True)
class Facts:
    """Of one case; None: no such thing yet. Of several the first, of `returned`, `left_out` and `run` the last."""

    complaint: Feedback | None
    flags: list[Flag] = field(default_factory=list)
    label: Label | None = None  # annotated: asked, whether somebody should approve it; disputed
    task: ReviewTask | None = None  # that waits for an expert
    returned: Return | None = None  # of that task
    approval: Approval | None = None
    has_vector: bool = False
    injected: int = 0
    snapshot: DatasetSnapshot | None = None
    left_out: LeftOut | None = None
    run: TrainingRun | None = None
    version: ModelVersion | None = None
    tested: CaseResult | None = None  # of a version that learned from it; a right answer comes before a wrong one
    live: ModelVersion | None = None  # the version that answers now, if it learned from it


def facts_of(project: Project, interactions: Sequence[Interaction]) -> list[Facts]:
    """In the order of `interactions`."""
    ids = [interaction.pk for interaction in interactions]
    flags, vectors = _flags(ids), _with_vectors(project, ids)
    complained = _first(complaints(), "interaction", ids, "occurred_at")
    asked = Exists(Label.objects.asked().filter(pk=OuterRef("pk")))
    said = judgements().with_disputes().annotate(asked=asked).select_related("author", "first_approval__by")
    labels = _first(said, "task__interaction", ids, "pk")
    tasks = _first(work().select_related("queue"), "interaction", ids, "pk")
    back = Return.objects.select_related("by", "label__author")
    returned = _first(back, "label__task__interaction", [pk for pk in ids if pk in tasks], "-pk")
    approvals = _first(Approval.objects.current().select_related("by", "label"), "interaction", ids)
    taught = _taught(project, [approval.pk for approval in approvals.values()])
    return [
        Facts(
            complaint=complained.get(pk), flags=flags[pk], label=labels.get(pk), task=tasks.get(pk),
            returned=returned.get(pk), approval=approvals.get(pk), has_vector=pk in vectors,
            **(taught[approvals[pk].pk] if pk in approvals else {}),
        )
        for pk in ids
    ]  # fmt: skip


def _first(rows: QuerySet[Any], path: str, ids: Iterable[int], *order: str) -> dict[int, Any]:
    """For each of `ids`, which stand at `path`, the first row in that order."""
    found = rows.annotate(found_for=F(path)).filter(found_for__in=list(ids))
    return {row.found_for: row for row in found.order_by("found_for", *order).distinct("found_for")}


def _flags(ids: Sequence[int]) -> dict[int, list[Flag]]:
    found: dict[int, list[Flag]] = defaultdict(list)
    rows = Flag.objects.filter(interaction__in=ids).select_related("rule", "raised_by").order_by("pk")
    for flag in rows.prefetch_related("decisions__by", "decisions__issue"):
        found[flag.interaction_id].append(flag)
    return found


def _with_vectors(project: Project, ids: Sequence[int]) -> set[int]:
    """Those whose question can be compared with others."""
    rows = Embedding.objects.current().ready().filter(project=project, kind=PROMPT, object_id__in=ids)
    return set(rows.values_list("object_id", flat=True))


def _taught(project: Project, approvals: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Approval id → what became of it in prompts, snapshots and versions, as `Facts` takes it."""
    injections = Injection.objects.filter(approval__in=approvals).order_by()
    injected = dict(injections.values_list("approval").annotate(n=Count("pk")))
    learned, live = "run__snapshot__rows__approval", live_version(project)
    live_one = ModelVersion.objects.filter(pk__in=[live.pk] if live else [])
    tests = own_tests().select_related("evaluation__version")
    found = {
        "snapshot": _first(DatasetSnapshot.objects.all(), "rows__approval", approvals, "pk"),
        "left_out": _first(LeftOut.objects.select_related("snapshot"), "approval", approvals, "-pk"),
        "run": _first(TrainingRun.objects.all(), "snapshot__rows__approval", approvals, "-pk"),
        "version": _first(ModelVersion.objects.all(), learned, approvals, "pk"),
        "live": _first(live_one, learned, approvals, "pk"),
        "tested": _first(tests, "taught", approvals, "-after_exact", "evaluation"),
    }
    return {
        pk: {name: rows.get(pk) for name, rows in found.items()} | {"injected": injected.get(pk, 0)} for pk in approvals
    }
