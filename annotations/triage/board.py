"""What the board shows: sessions with open flags, most urgent first, and the trail of one session."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, QuerySet

from annotations.capture.models import Feedback, Interaction, Session
from annotations.review.models import Label
from annotations.triage.models import Decision, Flag
from labelhub.projects.models import Project


def on_board(project: Project) -> QuerySet[Session]:
    """Sessions with open flags: the worst first, then the most flagged, then the longest waiting.

    Annotated: flag_count, worst (severity 1 to 3), newest_flag_at.
    """
    flags = Flag.objects.filter(project=project).open()
    return (
        Session.objects.filter(project=project, flags__in=flags)
        .annotate(
            flag_count=Count("flags", distinct=True), worst=Max("flags__severity"), newest_flag_at=Max("flags__at")
        )
        .order_by("-worst", "-flag_count", "newest_flag_at", "pk")
    )


@dataclass(frozen=True)
class Event:
    """One point of a session's timeline."""

    at: datetime
    kind: str  # interaction | feedback | flag | label | decision
    row: Any


def trail(session: Session) -> list[Event]:
    """Everything that happened around a session, in order."""
    interactions = list(Interaction.objects.trail(session))
    signs = Feedback.objects.filter(session=session).order_by("occurred_at")
    flags = Flag.objects.filter(session=session).select_related("rule", "raised_by")
    labels = Label.objects.filter(task__interaction__session=session).with_evidence().select_related("approval__by")
    decisions = Decision.objects.filter(session=session).select_related("by", "queue")
    events = [
        *(Event(row.occurred_at, "interaction", row) for row in interactions),
        *(Event(row.occurred_at, "feedback", row) for row in signs),
        *(Event(row.at, "flag", row) for row in flags),
        *(Event(row.created_at, "label", row) for row in labels),
        *(Event(row.at, "decision", row) for row in decisions),
    ]
    return sorted(events, key=lambda event: event.at)
