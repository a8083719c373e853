"""What a snapshot is made from: the project's judgements, its held-out questions, its unflagged answers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from annotations.capture.models import Interaction
from annotations.recall import nearest
from annotations.recall.actions import PROMPT
from annotations.review.models import Approval, Label
from annotations.triage.models import Flag
from labelhub.projects.models import Project
from training.datasets.build import Candidate, Kind, Leaving, Reason
from training.datasets.canonical import as_chat, label_sha256, prompt_sha256
from training.datasets.groups import groups_by_prompt
from training.datasets.likeness import Asked, alike, asked_by
from training.datasets.models import PromptGroup
from training.datasets.rehearsal import Corrected, Said

NEIGHBOURS = 400  # looked at around each correction


@dataclass(frozen=True)
class Judged:
    """The current approvals of a project as candidates, with the calls that they judge; and what never qualified."""

    candidates: list[Candidate]
    interactions: dict[int, Interaction]
    leaving: list[Leaving]
    corrections: list[Approval]  # all current ones, of both splits


def judged(project: Project) -> Judged:
    groups = groups_by_prompt(project)
    current = list(
        Approval.objects.filter(project=project).current().with_lineage()
        .prefetch_related("label__categories", "label__comments").order_by("pk")
    )  # fmt: skip
    result = Judged([], {}, _never_qualified(project, {a.label_id for a in current}), [])
    for approval in current:
        if prompt_sha256(approval.interaction.messages) not in groups:
            continue  # approved since the questions were grouped: the next snapshot takes it
        result.interactions[approval.interaction_id] = approval.interaction
        candidate = _candidate(approval, groups)
        result.candidates.append(candidate)
        if candidate.kind == Kind.CORRECTION and candidate.completion:
            result.corrections.append(approval)
    return result


def _candidate(approval: Approval, groups: dict[str, PromptGroup]) -> Candidate:
    label, interaction = approval.label, approval.interaction
    good = label.verdict == Label.Verdict.GOOD
    key = prompt_sha256(interaction.messages)
    return Candidate(
        kind=Kind.GOOD if good else Kind.CORRECTION,
        messages=as_chat(interaction.messages),
        completion=interaction.output if good else label.rewrite,
        prompt_sha256=key,
        interaction=interaction.pk,
        source=f"label:{label.pk}",
        approval=approval.pk,
        label=label.pk,
        label_sha256=label_sha256(label),
        split=groups[key].split,
        group=groups[key].pk,
    )


def _never_qualified(project: Project, current: set[int]) -> list[Leaving]:
    """Labels without an approval, and those that a newer approval of the same answer replaced.

    What its author took back is none of them: it counts for nothing. Nor is what somebody said of a calibration item,
    or which of a pair they chose: that makes other rows.
    """
    rows = Label.objects.filter(project=project, withdrawal=None, task__calibration=False, task__candidate=None)
    rows = rows.exclude(pk__in=current)
    facts = rows.values_list("pk", "task__interaction", "approval", "returned").order_by("pk")
    leaving = []
    for pk, interaction, approval, returned in facts:
        reason = Reason.SUPERSEDED if approval else Reason.SENT_BACK if returned else Reason.NOT_APPROVED
        leaving.append(Leaving(reason, approval or 0, pk, interaction))
    return leaving


def like_held_out(judged: Judged, project: Project, held_out: Sequence[Asked]) -> dict[int, str]:
    """Interaction id → which held-out question it (nearly) repeats."""
    if not held_out:
        return {}
    questions = asked_by(judged.interactions.values(), project)
    return {questions[i].id: f"case {case.id}" for i, case in alike(questions, held_out).items()}


def corrected(corrections: Sequence[Approval], project: Project) -> list[Corrected]:
    """Corrections with their vectors, for measuring against other questions."""
    questions = asked_by([approval.interaction for approval in corrections], project)
    return [
        Corrected(question, approval.interaction.output, approval.label.rewrite)
        for question, approval in zip(questions, corrections, strict=True)
    ]


def unflagged(project: Project, *, model_versions: Q) -> "QuerySet[Any, Any]":
    """Captured answers of those versions that nobody flagged or called flawed, and that were given without our help."""
    flagged = Flag.objects.defects().filter(interaction=OuterRef("pk"))
    labelled = Label.objects.filter(task__interaction=OuterRef("pk"))
    rows = Interaction.objects.filter(model_versions, project=project).exclude(output="")
    helped = Q(system_context__contains="<corrections>") | Q(system_context__contains="<guidance>")
    return rows.exclude(Exists(flagged)).exclude(Exists(labelled)).exclude(helped).values("pk")


def neighbours(project: Project, corrections: Iterable[Corrected], among: "QuerySet[Any, Any]") -> list[Said]:
    """What was answered to the questions nearest to each correction."""
    ids: dict[int, None] = {}
    for one in corrections:
        found = nearest.nearest(project, PROMPT, one.asked.vector, NEIGHBOURS, among)
        ids.update(dict.fromkeys(near.object_id for near in found))
    rows = Interaction.objects.in_bulk(ids)
    ordered = [rows[pk] for pk in ids]
    return [
        Said(q, row.output, as_chat(row.messages)) for q, row in zip(asked_by(ordered, project), ordered, strict=True)
    ]


def own_questions(said: Sequence[Said], taboo: Sequence[Asked], judged: Judged) -> list[Said]:
    """Less those that (nearly) repeat a question to test with, or that a person has judged."""
    keys = {candidate.prompt_sha256 for candidate in judged.candidates}
    near = alike([one.asked for one in said], taboo)
    return [one for i, one in enumerate(said) if i not in near and one.asked.key not in keys]
