"""A moderator's decisions on flags."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.urls import reverse

from annotations.capture.models import Session
from annotations.review.actions.work import Work, add_tasks
from annotations.review.models import Claim, Label, Queue, ReviewTask
from annotations.triage.actions.flags import REASON, alone_on
from annotations.triage.models import Decision, Flag, Rule, Take
from labelhub.errors import Invalid, NotFound, StaleState, ensure
from labelhub.notices.actions import tell
from labelhub.people.models import User
from labelhub.projects.actions import ensure_right
from labelhub.projects.models import Membership
from labelhub.projects.rights import Right

NOTE = 200  # characters of a note that experts read, above evidence that needs room too


@transaction.atomic
def route(session: Session, *, queue: Queue, by: User, reason: str = "") -> Decision:
    """Send every flagged interaction of `session` to `queue`.

    The expert reads `reason`, what the moderator wants to be looked at, before the evidence.
    Raises StaleState when no flag is open any more, Invalid for a reason that leaves the evidence no room.
    """
    ensure(queue.project_id == session.project_id, NotFound())
    flags = open_flags(session, by)
    decision = decide(session, Decision.Kind.ROUTE, flags, by=by, reason=reason.strip(), queue=queue)
    worst: dict[int, Flag] = {}
    for flag in sorted(flags, key=lambda flag: flag.severity):
        worst[flag.interaction_id] = flag
    sensitive = {flag.interaction_id for flag in flags if flag.rule and flag.rule.kind in Rule.SENSITIVE}
    work = [
        Work(interaction, _why(decision.reason, flag.evidence), 10 * flag.severity, sensitive=interaction in sensitive)
        for interaction, flag in sorted(worst.items())
    ]
    add_tasks(queue, work, by=by)
    decision.tasks.add(*_sent(decision, worst).values_list("pk", flat=True))
    return decision


def _why(note: str, evidence: str) -> str:
    """What the expert reads: the whole note, then as much of the evidence as fits."""
    room = REASON - len(note) - 1 if note else REASON
    shown = evidence if len(evidence) <= room else evidence[: room - 1] + "…"
    return f"{note}\n{shown}" if note else shown


def _sent(decision: Decision, interactions: Iterable[int]) -> QuerySet[ReviewTask]:
    """Its tasks: those that it made, and those that other decisions made. What a hand put there is no decision's."""
    made = Q(routed_by=decision.by, created_at__gte=decision.at)
    held = Decision.tasks.through.objects.filter(reviewtask=OuterRef("pk"))
    tasks = ReviewTask.objects.filter(queue=decision.queue, interaction__in=list(interactions))
    return tasks.filter(made | Q(Exists(held)))


@transaction.atomic
def dismiss(session: Session, *, by: User, reason: str) -> Decision:
    """Close the open flags of `session` without review; nothing is deleted. The reason is needed."""
    ensure(reason.strip(), Invalid("Say why: the rules are tuned by it.", field="reason"))
    return decide(session, Decision.Kind.DISMISS, open_flags(session, by), by=by, reason=reason.strip())


@dataclass(frozen=True)
class Outcome:
    decisions: list[Decision]
    refused: list[str]  # why others were left alone


def dismiss_all(sessions: Iterable[Session], *, by: User, reason: str) -> Outcome:
    """Each by itself: what somebody decided on meanwhile is left alone. Raises Invalid without a reason."""
    return _each(sessions, lambda session: dismiss(session, by=by, reason=reason))


def route_all(sessions: Iterable[Session], *, queue: Queue, by: User, reason: str = "") -> Outcome:
    """As `dismiss_all`."""
    return _each(sessions, lambda session: route(session, queue=queue, by=by, reason=reason))


def _each(sessions: Iterable[Session], act: Callable[[Session], Decision]) -> Outcome:
    outcome = Outcome([], [])
    for session in sessions:
        try:
            outcome.decisions.append(act(session))
        except StaleState as stale:
            outcome.refused.append(stale.detail)
    return outcome


def undo_all(decisions: Iterable[Decision], *, by: User) -> list[str]:
    """Take one's own decisions back; why others stay."""
    refused = []
    for decision in decisions:
        try:
            undo(decision, by=by)
        except (StaleState, NotFound) as stale:
            refused.append(stale.detail)
    return refused


@transaction.atomic
def escalate(session: Session, *, by: User, reason: str) -> Decision:
    """Ask the project's admins: the flags stay open, and every admin is told. Raises Invalid without a reason."""
    ensure(reason.strip(), Invalid("Say what an admin should decide.", field="reason"))
    flags = open_flags(session, by)
    before = Decision.objects.filter(session=session, kind=Decision.Kind.ESCALATE, flags__in=flags).first()
    ensure(before is None, StaleState(f"{before and before.by} has asked the admins already."))
    decision = decide(session, Decision.Kind.ESCALATE, flags, by=by, reason=reason.strip())
    admins = User.objects.filter(pk__in=Membership.objects.admins_of(session.project).values("user"))
    path = reverse("triage:case", args=[session.project.slug, session.pk])
    tell(admins, project=session.project, by=by, text=f"A session waits for you: {decision.reason}", path=path)
    return decision


@transaction.atomic
def merge(session: Session, *, into: Session, by: User) -> Decision:
    """Close the open flags of `session`: what is decided of `into` stands for it too.

    Raises Invalid for a session into itself or into one that was merged, NotFound for one of another project.
    """
    ensure(into.project_id == session.project_id, NotFound())
    ensure(into.pk != session.pk, Invalid("Choose other sessions than the one that you look at.", field="into"))
    gone = Decision.objects.filter(session=into, kind=Decision.Kind.MERGE).exists()
    ensure(not gone, Invalid("This session was put with another one: choose that.", field="into"))
    flags = open_flags(session, by)
    return decide(session, Decision.Kind.MERGE, flags, by=by, reason="", into=into)


def merge_all(sessions: Iterable[Session], *, into: Session, by: User) -> Outcome:
    """As `dismiss_all`."""
    return _each(sessions, lambda session: merge(session, into=into, by=by))


@transaction.atomic
def take(session: Session, *, by: User) -> bool:
    """`by` takes the session, also from another; who has it gives it back. Whether they have it now."""
    ensure_right(by, session.project, Right.TRIAGE)
    alone_on(session)
    given_back, _ = Take.objects.filter(session=session, by=by).delete()
    if not given_back:
        Take.objects.update_or_create(session=session, defaults={"by": by, "at": Now()})
    return not given_back


@transaction.atomic
def undo(decision: Decision, *, by: User) -> None:
    """Take one's own decision back: it and the tasks that it alone stood for are gone, its flags are open again.

    A task that other decisions sent too goes with the last of them.
    Raises StaleState when an expert has begun on one of these tasks, NotFound when it was taken back before.
    """
    ensure_right(by, decision.project, Right.TRIAGE)
    ensure(decision.by_id == by.pk, NotFound())
    alone_on(decision.session)
    ensure(Decision.objects.filter(pk=decision.pk).exists(), NotFound())
    # Locked before the look: a claim in the making ends first, a later one finds no task.
    going = list(decision.going.select_for_update(of=("self",)).values_list("pk", flat=True))
    begun = Claim.objects.filter(task__in=going)
    if decision.kind == Decision.Kind.CORRECTION:
        own = Label.objects.waiting().filter(task=OuterRef("task"), author=OuterRef("by"), first_approval=None)
        begun = begun.exclude(Exists(own), by=by)
        ensure(going, StaleState("The answer was in its queue before: take your label back under My labels."))
    ensure(not begun.exists(), StaleState("Somebody has begun on it: it stays."))
    ReviewTask.objects.filter(pk__in=going).delete()
    decision.delete()


def open_flags(session: Session, by: User) -> list[Flag]:
    ensure_right(by, session.project, Right.TRIAGE)
    alone_on(session)
    flags = list(Flag.objects.filter(session=session).open().select_related("rule"))
    ensure(flags, StaleState("Somebody decided on this session before you. Nothing is open any more."))
    return flags


def decide(session: Session, kind: str, flags: list[Flag], *, by: User, reason: str, **fields: Any) -> Decision:
    most = NOTE if kind == Decision.Kind.ROUTE else REASON
    ensure(len(reason) <= most, Invalid(f"reason must be text of at most {most} characters.", field="reason"))
    decision = Decision.objects.create(
        project=session.project, session=session, kind=kind, by=by, reason=reason, **fields
    )
    decision.flags.set(flags)
    return decision
