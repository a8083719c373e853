"""What the board shows: sessions with open flags, most urgent first, and the trail of one session."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import (
    Case,
    Count,
    DateTimeField,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    FloatField,
    Func,
    Max,
    Min,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
    Window,
    prefetch_related_objects,
)
from django.db.models.functions import Coalesce, Now, RowNumber

from annotations.capture.models import Feedback, Interaction, Score, Session
from annotations.review.models import Label, ReviewTask
from annotations.triage.models import Decision, Flag, SavedView, Take
from labelhub.people.models import User
from labelhub.projects.models import Project

LAST = 200
MARKED = "~"  # stands in an address as it is

TABS = {
    "open": "Open",
    "mine": "Mine",
    "due": "Due in 4 h",
    "escalated": "Escalated",
    "exemplars": "Exemplars",
    "expert": "Awaiting expert",
    "resolved": "Resolved",
}
OPEN_TABS = ["open", "mine", "due", "escalated", "exemplars"]
SOON = timedelta(hours=4)
ALLOWED_S = {3: 3_600.0, 2: 8 * 3_600.0, 1: 24 * 3_600.0}  # by severity, for a session with one flag


def in_view(view: SavedView) -> QuerySet[Session]:
    """Sessions with an open flag that `view` names, as `on_board` has them."""
    return on_board(view.project).filter(Exists(view.flags.filter(session=OuterRef("pk"))))


def on_board(project: Project, tab: str = "open", user: User | None = None) -> QuerySet[Session]:
    """Sessions of one of TABS, the most urgent first; of those that are decided on, the newest.

    A session is due so long after its first open flag: an hour where an answer does harm, eight where it misleads, else
    a day; n flags, and sessions that were put with it, divide that by n. Praise is never due. Annotated: flag_count,
    defect_count, worst (severity 1 to 3), first_flag_at, newest_flag_at, due_at, merged_count, taken_by, escalation
    (the id of a Decision).
    """
    if tab in OPEN_TABS:
        opened = _with_flags(project, Flag.objects.filter(project=project).open())
        found = opened.filter(_which(tab, user))
        return found.order_by(F("due_at").asc(nulls_last=True), "-flag_count", "newest_flag_at", "pk")
    flags = Flag.objects.filter(project=project)
    judged = Exists(Decision.objects.filter(flags=OuterRef("pk"), tasks__state=ReviewTask.State.OPEN))
    left = Flag.objects.filter(session=OuterRef("session")).open()
    done = flags.filter(judged) if tab == "expert" else flags.exclude(judged).exclude(Exists(left))
    return _with_flags(project, done).order_by("-newest_flag_at", "-pk")


def mark(session: Any) -> str:
    """The place of a session as `on_board` annotates it: due, flags, newest flag, id. Times as ISO 8601."""
    due = session.due_at.isoformat() if session.due_at else ""
    return MARKED.join([due, str(session.flag_count), session.newest_flag_at.isoformat(), str(session.pk)])


def is_mark(text: str) -> bool:
    return _read(text) is not None


def below(found: QuerySet[Any], text: str, *, newest: bool) -> QuerySet[Any]:
    """What stands below the place that `text` marks, in the order of `on_board`: the most urgent or the `newest` first.

    The place stays where it was while sessions come and go. All of it where `text` is no mark.
    """
    read = _read(text)
    if read is None:
        return found
    due, flags, at, pk = read
    if newest:
        return found.filter(Q(newest_flag_at__lt=at) | Q(newest_flag_at=at, pk__lt=pk))
    later = Q(newest_flag_at__gt=at) | Q(newest_flag_at=at, pk__gt=pk)
    same = Q(flag_count__lt=flags) | Q(flag_count=flags) & later
    return found.filter(
        Q(due_at=None) & same if due is None else Q(due_at__gt=due) | Q(due_at=None) | Q(due_at=due) & same
    )


def _read(text: str) -> tuple[datetime | None, int, datetime, int] | None:
    """A mark as it was made, else None: an address may be anything."""
    try:
        due, flags, at, pk = text.split(MARKED)
        read = datetime.fromisoformat(due) if due else None, int(flags[:9]), datetime.fromisoformat(at), int(pk[:18])
    except ValueError:
        return None
    return read if all(time.tzinfo for time in (read[0] or read[2], read[2])) else None


def counts(project: Project, user: User) -> dict[str, int]:
    """How many sessions each of OPEN_TABS has, in one query."""
    opened = _with_flags(project, Flag.objects.filter(project=project).open())
    return opened.aggregate(**{tab: Count("pk", filter=_which(tab, user)) for tab in OPEN_TABS})


def _which(tab: str, user: User | None) -> Q:
    return {
        "open": Q(pk__isnull=False),
        "mine": Q(taken_by=user.pk) if user else Q(pk__in=[]),
        "due": Q(due_at__lt=Now() + SOON),
        "escalated": Q(escalation__isnull=False),
        "exemplars": Q(defect_count=0),
    }[tab]


def _with_flags(project: Project, flags: QuerySet[Flag]) -> QuerySet[Any]:
    escalated = Decision.objects.filter(session=OuterRef("pk"), kind=Decision.Kind.ESCALATE)
    allowed = Case(
        When(defect_count=0, then=Value(None)),
        *(When(worst=severity, then=Value(seconds)) for severity, seconds in ALLOWED_S.items()),
        output_field=FloatField(),
    )
    merged = Decision.objects.filter(into=OuterRef("pk")).order_by().values("into").annotate(n=Count("pk")).values("n")
    wait = Func(
        allowed / (F("flag_count") + F("merged_count")), template="make_interval(secs => (%(expressions)s)::float8)",
        output_field=DurationField(),
    )  # fmt: skip
    return (
        Session.objects.filter(project=project, flags__in=flags)
        .annotate(
            flag_count=Count("flags"), worst=Max("flags__severity"),
            first_flag_at=Min("flags__at"), newest_flag_at=Max("flags__at"),
            defect_count=Count("flags", filter=Q(flags__kind=Flag.Kind.DEFECT)),
            merged_count=Coalesce(Subquery(merged), 0),
            taken_by=Subquery(Take.objects.filter(session=OuterRef("pk")).values("by")),
            escalation=Subquery(escalated.filter(flags__in=flags).values("pk")[:1]),
        )
        .annotate(due_at=ExpressionWrapper(F("first_flag_at") + wait, output_field=DateTimeField()))
        .prefetch_related("take__by")
    )  # fmt: skip


def worst_flags(sessions: Iterable[Session], number: int, among: QuerySet[Flag] | None = None) -> dict[int, list[Flag]]:
    """The worst flags of each session, at most `number`, by its id: those that are open, or any of `among`."""
    found: dict[int, list[Flag]] = {session.pk: [] for session in sessions}
    place = Window(RowNumber(), partition_by="session", order_by=[F("severity").desc(), "pk"])
    rows = Flag.objects.open() if among is None else among
    chosen = rows.filter(session__in=found).annotate(place=place).filter(place__lte=number)
    for flag in chosen.select_related("interaction").order_by("place"):
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
    last = list(answers.reverse()[:LAST])
    shown = {row.pk: row for row in reversed(last)} | {flag.interaction_id: flag.interaction for flag in flags}
    total = len(last) if len(last) < LAST else answers.count()
    about = Q(interaction__in=shown)
    given = Score.objects.given().select_related("metric").order_by("pk")
    prefetch_related_objects(list(shown.values()), Prefetch("scores", given))
    signs = Feedback.objects.filter(about | Q(interaction=None), session=session).order_by("-occurred_at")[:LAST]
    raised = Flag.objects.filter(about).select_related("rule", "raised_by")
    labels = (
        Label.objects.filter(task__interaction__in=shown).with_evidence().select_related("approval__by", "withdrawal")
    )
    decisions = (
        Decision.objects.filter(session=session).with_begun().select_related("by", "queue", "issue").order_by("-at")
    )
    events = [
        *(Event(row.occurred_at, "interaction", row) for row in shown.values()),
        *(Event(row.occurred_at, "feedback", row) for row in signs),
        *(Event(row.at, "flag", row) for row in raised),
        *(Event(row.created_at, "label", row) for row in labels.select_related("approval__by", "withdrawal")),
        *(Event(row.at, "decision", row) for row in decisions[:LAST]),
    ]
    return Trail(sorted(events, key=lambda event: event.at), total, total - len(shown))
