"""What the board shows: sessions with open flags, most urgent first, and the trail of one session."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, F, Max, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from annotations.capture.models import Feedback, Interaction, Session
from annotations.review.models import Label
from annotations.triage.models import Decision, Flag
from labelhub.projects.models import Project

LAST = 200


def on_board(project: Project) -> QuerySet[Session]:
    """Sessions with open flags: the worst first, then the most flagged, then the longest waiting.

    Annotated: flag_count, defect_count, worst (severity 1 to 3), newest_flag_at.
    """
    flags = Flag.objects.filter(project=project).open()
    return (
        Session.objects.filter(project=project, flags__in=flags)
        .annotate(
            flag_count=Count("flags", distinct=True), worst=Max("flags__severity"), newest_flag_at=Max("flags__at"),
            defect_count=Count("flags", distinct=True, filter=Q(flags__kind=Flag.Kind.DEFECT)),
        )
        .order_by("-worst", "-flag_count", "newest_flag_at", "pk")
    )  # fmt: skip


def worst_flags(sessions: Iterable[Session], number: int) -> dict[int, list[Flag]]:
    """The worst open flags of each session, at most `number`, by its id."""
    found: dict[int, list[Flag]] = {session.pk: [] for session in sessions}
    place = Window(RowNumber(), partition_by="session", order_by=[F("severity").desc(), "pk"])
    opened = Flag.objects.filter(session__in=found).open().annotate(place=place).filter(place__lte=number)
    for flag in opened.select_related("interaction").order_by("place"):
        found[flag.session_id].append(flag)
    return found


@dataclass(frozen=True)
class Event:
    """One point of a session's timeline."""

    at: datetime
    kind: str  # interaction | feedback | flag | label | decision
    row: Any


@dataclass(frozen=True)
class Trail:
    events: list[Event]
    answers: int  # that the session has
    earlier: int  # of them are not shown


def trail(session: Session, flags: Iterable[Flag] = ()) -> Trail:
    """What happened around the LAST answers of a session and the answers of `flags`, in order.

    A client that sends one session for everything has sessions without an end.
    """
    answers = Interaction.objects.trail(session)
    last = reversed(list(answers.reverse()[:LAST]))
    shown = {row.pk: row for row in last} | {flag.interaction_id: flag.interaction for flag in flags}
    total = answers.count()
    about = Q(interaction__in=shown)
    signs = Feedback.objects.filter(about | Q(interaction=None), session=session).order_by("-occurred_at")[:LAST]
    raised = Flag.objects.filter(about).select_related("rule", "raised_by")
    labels = (
        Label.objects.filter(task__interaction__in=shown).with_evidence().select_related("approval__by", "withdrawal")
    )
    decisions = Decision.objects.filter(session=session).with_begun().select_related("by", "queue").order_by("-at")
    events = [
        *(Event(row.occurred_at, "interaction", row) for row in shown.values()),
        *(Event(row.occurred_at, "feedback", row) for row in signs),
        *(Event(row.at, "flag", row) for row in raised),
        *(Event(row.created_at, "label", row) for row in labels.select_related("approval__by", "withdrawal")),
        *(Event(row.at, "decision", row) for row in decisions[:LAST]),
    ]
    return Trail(sorted(events, key=lambda event: event.at), total, total - len(shown))
