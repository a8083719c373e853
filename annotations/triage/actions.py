"""Raising flags, and a moderator's decisions on them."""

from collections.abc import Iterable
from typing import Any

from django.db import transaction

from annotations.capture.models import Session
from annotations.review.actions.queues import add_tasks
from annotations.review.models import Queue, ReviewTask
from annotations.triage.models import Decision, Flag, Rule
from annotations.triage.rules import FIRST_RULES, flag_kind
from labelhub.errors import Invalid, NotFound, StaleState, ensure
from labelhub.people.models import User
from labelhub.projects.actions import ensure_right
from labelhub.projects.models import Project
from labelhub.projects.rights import Right


def rules_of(project: Project) -> list[Rule]:
    """The active rules; a project's first ones are made when it first needs them."""
    if not Rule.objects.filter(project=project).exists():
        Rule.objects.bulk_create(
            (
                Rule(project=project, kind=kind, threshold=limit, severity=severity)
                for kind, limit, severity in FIRST_RULES
            ),
            ignore_conflicts=True,
        )
    return list(Rule.objects.filter(project=project, active=True))


def raise_flags(project: Project, found: Iterable[tuple[Rule, Any, str]]) -> None:
    """(rule, interaction, evidence) become flags; a rule raises one flag an interaction, however often it is asked."""
    Flag.objects.bulk_create(
        (
            Flag(
                project=project, session_id=interaction.session_id, interaction=interaction, kind=flag_kind(rule),
                rule=rule, severity=rule.severity, evidence=evidence[:300],
            )
            for rule, interaction, evidence in found
        ),
        ignore_conflicts=True,
    )  # fmt: skip


@transaction.atomic
def route(session: Session, *, queue: Queue, by: User, reason: str = "") -> Decision:
    """Send every flagged interaction of `session` to `queue`. Raises StaleState when no flag is open any more."""
    ensure(queue.project_id == session.project_id, NotFound())
    flags = _open_flags(session, by)
    decision = _decide(session, Decision.Kind.ROUTE, flags, by=by, reason=reason, queue=queue)
    worst: dict[int, Flag] = {}
    for flag in sorted(flags, key=lambda flag: flag.severity):
        worst[flag.interaction_id] = flag
    for flag in worst.values():
        add_tasks(queue, [flag.interaction], by=by, reason=flag.evidence, priority=10 * flag.severity)
    return decision


@transaction.atomic
def dismiss(session: Session, *, by: User, reason: str) -> Decision:
    """Close the open flags of `session` without review; nothing is deleted. The reason is needed."""
    ensure(reason.strip(), Invalid("Say why: the rules are tuned by it."))
    return _decide(session, Decision.Kind.DISMISS, _open_flags(session, by), by=by, reason=reason.strip())


@transaction.atomic
def undo(decision: Decision, *, by: User) -> None:
    """Take one's own decision back. Raises StaleState when an expert has begun on what it routed."""
    ensure_right(by, decision.project, Right.TRIAGE)
    ensure(decision.by_id == by.pk, NotFound())
    if decision.kind == Decision.Kind.ROUTE:
        interactions = decision.flags.values("interaction")
        tasks = ReviewTask.objects.filter(queue=decision.queue, interaction__in=interactions, routed_by=by)
        ensure(
            not tasks.filter(claim__isnull=False).exists(), StaleState("An expert has begun on it: it stays routed.")
        )
        tasks.filter(state=ReviewTask.State.OPEN).delete()
    decision.delete()


def _open_flags(session: Session, by: User) -> list[Flag]:
    ensure_right(by, session.project, Right.TRIAGE)
    Session.objects.select_for_update().get(
        pk=session.pk
    )  # two moderators on one session: the second sees what is left
    flags = list(Flag.objects.filter(session=session).open().select_related("interaction"))
    ensure(flags, StaleState("Somebody decided on this session before you. Nothing is open any more."))
    return flags


def _decide(session: Session, kind: str, flags: list[Flag], *, by: User, **fields: Any) -> Decision:
    decision = Decision.objects.create(project=session.project, session=session, kind=kind, by=by, **fields)
    decision.flags.set(flags)
    return decision
