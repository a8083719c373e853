"""Raising flags: rules do, and people."""

from collections.abc import Iterable
from typing import Any

from django.db import transaction

from annotations.capture.models import Interaction, Session
from annotations.triage.models import Flag, Rule
from annotations.triage.rules import CHECKS, FIRST_SHARE, flag_kind
from labelhub.errors import Invalid, StaleState, ensure
from labelhub.people.models import User
from labelhub.projects.actions import ensure_right
from labelhub.projects.models import Project
from labelhub.projects.rights import Right

REASON = 300  # characters of a reason


def rules_of(project: Project) -> list[Rule]:
    """The active rules; those that a project has not yet are made when it first needs them."""
    rules = list(Rule.objects.filter(project=project).order_by("pk"))
    known = {rule.kind for rule in rules} | {Rule.Kind.WORDS}
    if missing := CHECKS.keys() - known:
        first = [
            Rule(
                project=project, kind=kind, threshold=check.threshold, severity=check.severity, active=check.active,
                share=FIRST_SHARE.get(kind, 1),
            )
            for kind, check in CHECKS.items() if kind in missing
        ]  # fmt: skip
        Rule.objects.bulk_create(first, ignore_conflicts=True)
        rules = list(Rule.objects.filter(project=project).order_by("pk"))
    return [rule for rule in rules if rule.active]


def raise_flags(project: Project, found: Iterable[tuple[Rule, Any, str]]) -> None:
    """(rule, interaction, evidence) become flags; a rule raises one flag an interaction, however often it is asked."""
    Flag.objects.bulk_create(
        (
            Flag(
                project=project, session_id=interaction.session_id, interaction=interaction, kind=flag_kind(rule),
                rule=rule, severity=rule.severity, evidence=evidence[:REASON],
            )
            for rule, interaction, evidence in found
        ),
        ignore_conflicts=True,
    )  # fmt: skip


@transaction.atomic
def flag(interaction: Interaction, *, by: User, reason: str) -> Flag:
    """Ask moderators to look at an answer, which need not be judged for it.

    Raises Invalid without a reason or for a long one, StaleState while one's earlier flag on it is open.
    """
    ensure_right(by, interaction.project, Right.LABEL)
    ensure(reason.strip(), Invalid("Say what a moderator should look at.", field="reason"))
    too_long = Invalid(f"reason must be text of at most {REASON} characters.", field="reason")
    ensure(len(reason.strip()) <= REASON, too_long)
    alone_on(interaction.session)
    mine = Flag.objects.filter(interaction=interaction, raised_by=by).open()
    ensure(not mine.exists(), StaleState("You have flagged it already: a moderator will look at it."))
    return Flag.objects.create(
        project=interaction.project, session=interaction.session, interaction=interaction, kind=Flag.Kind.DEFECT,
        raised_by=by, evidence=reason.strip(),
    )  # fmt: skip


def alone_on(session: Session) -> None:
    """Two moderators on one session: the second sees what the first has left."""
    Session.objects.select_for_update().get(pk=session.pk)
