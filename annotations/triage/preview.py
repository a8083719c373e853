"""What a rule would have flagged lately, found by the very functions that flag; and what it did."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from annotations.capture.models import Feedback, Interaction, Score
from annotations.capture.scoring import JUDGE
from annotations.triage.meaning import comparable, found_by_meaning
from annotations.triage.models import Decision, Flag, Rule
from annotations.triage.rules import (
    MEANINGS,
    SCORES,
    SIGNS,
    evidence_in_feedback,
    evidence_in_interaction,
    evidence_in_score,
)

DAYS = 30
MOST, MOST_COMPARED = 2_000, 200  # of the newest; what is compared by meaning costs a search each


@dataclass(frozen=True)
class Preview:
    """`found`: what would be flagged, the newest first, with the evidence; among `looked_at` signs or answers."""

    found: list[tuple[Interaction, str]]
    looked_at: int
    what: str  # that was looked at
    all_of_it: bool  # of the last DAYS


def preview(rule: Rule) -> Preview:
    """`rule` as it is given, saved or not. Nothing is stored."""
    if rule.kind in MEANINGS:
        rows = comparable(rule.project).filter(received_at__gt=_since()).select_related("project")
        newest = sorted(rows.order_by("-pk")[:MOST_COMPARED], key=lambda row: row.pk)
        flagged = {row.pk: (row, said) for _, row, said in found_by_meaning(rule.project, [rule], newest)}
        return Preview(list(flagged.values())[::-1], len(newest), "answers", len(newest) < MOST_COMPARED)
    if rule.kind in SCORES:
        return _of_scores(rule)
    answers = list(_newest(Interaction.objects.filter(project=rule.project))) if rule.kind not in SIGNS else []
    linked = Feedback.objects.filter(project=rule.project).exclude(interaction=None).select_related("interaction")
    signs = list(_newest(linked)) if rule.kind in SIGNS or rule.kind == Rule.Kind.INSTRUCTIONS else []
    found = {row.pk: (row, said) for row in answers if (said := evidence_in_interaction(rule, row))}
    for sign in signs:
        if sign.interaction and (said := evidence_in_feedback(rule, sign)):
            found.setdefault(sign.interaction.pk, (sign.interaction, said))
    seen = signs if rule.kind in SIGNS else answers
    what = "signs of reception" if rule.kind in SIGNS else "answers"
    return Preview(sorted(found.values(), key=lambda one: -one[0].pk), len(seen), what, len(seen) < MOST)


def _of_scores(rule: Rule) -> Preview:
    judged = Score.objects.filter(project=rule.project, metric__name=JUDGE, at__gt=_since()).given()
    newest = list(judged.select_related("interaction").order_by("-interaction", "-pk")[:MOST])
    low = {row.interaction_id: (row.interaction, said) for row in newest if (said := evidence_in_score(rule, row))}
    return Preview(list(low.values()), len(newest), "scores by the judge model", len(newest) < MOST)


def with_figures(rules: QuerySet[Rule]) -> QuerySet[Any]:
    """Annotated: of the flags of the last DAYS how many it raised, and how many wait, were dismissed, went on."""
    decided = Decision.flags.through.objects.filter(flag=OuterRef("pk"))
    lately = Flag.objects.filter(at__gt=_since())
    dismissed = Q(pk__in=lately.filter(Exists(decided.filter(decision__kind=Decision.Kind.DISMISS))))
    return rules.annotate(
        raised=Count("flags", filter=Q(flags__in=lately)),
        waiting=Count("flags", filter=Q(flags__in=lately.open())),
        dismissed=Count("flags", filter=Q(flags__in=lately.filter(dismissed))),
    )


def _since() -> Any:
    return Now() - timedelta(days=DAYS)


def _newest(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.filter(received_at__gt=_since()).order_by("-pk")[:MOST]
