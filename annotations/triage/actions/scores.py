"""Asking the judge model about a share of the answers. It routes by raising flags; it decides nothing."""

from collections.abc import Sequence

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from annotations.capture.models import Interaction, Metric, Score
from annotations.capture.scoring import JUDGE
from annotations.triage.actions.flags import raise_flags, rules_of
from annotations.triage.judge import WHY, asked, read_reply
from annotations.triage.models import Rule
from annotations.triage.rules import evidence_in_score, in_share
from labelhub import jobs
from labelhub.body import stored_text
from labelhub.llm import client
from labelhub.projects.models import Project

AT_ONCE, TRIES = 4, 2  # answers a job asks about, and how often for one that cannot be read: all within its time


def rubric_of(project: Project) -> Metric | None:
    """What the judge model is asked by now."""
    return Metric.objects.filter(project=project, name=JUDGE).current().first()


def draw_for_judge(project: Project, rows: Sequence[Interaction]) -> None:
    """Those of `rows` that are in the rubric's share wait for the judge model, where the operator has set one.

    By their ids, so that every version of the rubric judges the same answers. Call it last in a transaction.
    """
    rubric = rubric_of(project) if settings.LABELHUB_JUDGE_URL else None
    drawn = [row for row in rows if rubric and in_share(rubric.share, f"{project.pk}:{JUDGE}:{row.external_id}")]
    Score.objects.bulk_create(
        (Score(project=project, interaction=row, metric=rubric) for row in drawn), ignore_conflicts=True
    )
    if drawn:
        jobs.wake("drawn", project)


def judge_awaited(project: Project) -> bool:
    """Ask about the first AT_ONCE that wait; True if more may. Raises Unavailable while the judge model is away."""
    if not settings.LABELHUB_JUDGE_URL:
        return False
    waiting = Score.objects.filter(project=project).awaited().select_related("metric", "interaction").order_by("pk")
    rows = list(waiting[:AT_ONCE])
    rules = [rule for rule in rules_of(project) if rule.kind == Rule.Kind.JUDGED_LOW]
    for row in rows:
        row.value, row.note = _rating(row)
        _keep(project, row, rules)
    return len(rows) == AT_ONCE


def _rating(score: Score) -> tuple[float | None, str]:
    """Its score and reason, or None and what came instead. Raises Unavailable."""
    messages, said = asked(score.metric.description, score.interaction), ""
    for _ in range(TRIES):
        try:
            said = client.ask_judge(messages)
        except client.Declined as refusal:
            return None, _line(refusal.detail)
        if rating := read_reply(said):
            return rating
    return None, _line(f"It gave no score that can be read: {said}")


def _line(text: str) -> str:
    return stored_text(" ".join(text.split()))[0][:WHY]


@transaction.atomic
def _keep(project: Project, score: Score, rules: Sequence[Rule]) -> None:
    """Once, whoever else asked about it too."""
    model = settings.LABELHUB_JUDGE_MODEL[:120]
    row = Score.objects.awaited().filter(pk=score.pk)
    if row.update(value=score.value, note=score.note, model=model, at=Now()):
        found = [(rule, score.interaction, evidence_in_score(rule, score)) for rule in rules]
        raise_flags(project, [item for item in found if item[2]])
