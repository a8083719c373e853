"""Handing corrections and guidance out; guidance is drafted, approved by a second person, and retired."""

import hashlib
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from annotations.capture.models import Session
from annotations.guidance.context import GUIDANCE, ContextAnswer, context_for
from annotations.guidance.models import (
    Guidance,
    GuidanceApproval,
    GuidanceInjection,
    GuidanceQuerySet,
    GuidanceRetirement,
    Injection,
)
from annotations.recall.actions import want
from annotations.triage.actions.decisions import decide, open_flags
from annotations.triage.models import Decision
from labelhub import jobs
from labelhub.errors import Invalid, NotAllowed, StaleState, ensure
from labelhub.people.models import User
from labelhub.projects.actions import ensure_right
from labelhub.projects.models import Project
from labelhub.projects.rights import Right

LONGEST, REASON = 2_000, 300  # characters of a trigger and of an instruction; of a reason
REACH, LONGEST_TERM = (0.5, 1.0), timedelta(days=3_650)


def give_context(project: Project, prompt: str) -> ContextAnswer:
    """What `prompt` should be told, with a row for all that is handed out: its effect is measured by them."""
    answer = context_for(project, prompt)
    sha = hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest()
    Injection.objects.bulk_create(
        Injection(project=project, approval_id=c.approval_id, prompt_sha256=sha, similarity=c.similarity)
        for c in answer.corrections
    )
    GuidanceInjection.objects.bulk_create(
        GuidanceInjection(project=project, guidance_id=one.guidance_id, prompt_sha256=sha, similarity=one.similarity)
        for one in answer.guidance
    )
    return answer


@transaction.atomic
def draft(
    project: Project, *, by: User, trigger: str, instruction: str, reach: float = 0.75,
    expires_at: datetime | None = None, session: Session | None = None,
) -> Guidance:  # fmt: skip
    """An instruction for questions like `trigger`, which reaches no prompt before a second person approves it.

    With the flagged session that it came from, whose open flags it closes. Raises NotAllowed, Invalid, and StaleState
    when no flag of the session is open any more.
    """
    ensure_right(by, project, Right.CURATE)
    trigger, instruction = trigger.strip(), instruction.strip()
    for field, text in ("trigger", trigger), ("instruction", instruction):
        fits = 0 < len(text) <= LONGEST
        ensure(fits, Invalid(f"{field} must be text of 1 to {LONGEST:,} characters.", field=field))
    least, most = REACH
    ensure(least <= reach <= most, Invalid(f"reach must lie between {least:g} and {most:g}.", field="reach"))
    now = timezone.now()
    to_come = expires_at is None or now < expires_at < now + LONGEST_TERM
    ensure(to_come, Invalid("It must end within the next ten years, or be without an end.", field="expires_at"))
    decision = _decision(session, by) if session else None
    made = Guidance.objects.create(
        project=project, trigger=trigger, instruction=instruction, reach=reach, author=by, decision=decision,
        expires_at=expires_at,
    )  # fmt: skip
    want(project, GUIDANCE, [(made.pk, trigger)])
    jobs.wake("captured", project)  # which asks the encoder for what is missing
    return made


def _decision(session: Session, by: User) -> Decision:
    return decide(session, Decision.Kind.GUIDANCE, open_flags(session, by), by=by, reason="")


@transaction.atomic
def approve_guidance(guidance: Guidance, *, by: User) -> GuidanceApproval:
    """From this commit on it reaches prompts. Raises NotAllowed for its author, StaleState once it was decided on."""
    ensure_right(by, guidance.project, Right.APPROVE)
    ensure(by.pk != guidance.author_id, NotAllowed("Authors cannot approve their own guidance: ask a second person."))
    waits = _locked(guidance).waiting().exists()
    ensure(waits, StaleState("Somebody decided on it before you. Reload to see what became of it."))
    return GuidanceApproval.objects.create(guidance=guidance, by=by)


@transaction.atomic
def retire_guidance(guidance: Guidance, *, by: User, reason: str) -> GuidanceRetirement:
    """It reaches no prompt from this commit on. Raises NotAllowed, Invalid without a reason, StaleState when it was."""
    ensure_right(by, guidance.project, Right.CURATE)
    reason = reason.strip()
    fits = 0 < len(reason) <= REASON
    ensure(fits, Invalid(f"Say why, in at most {REASON} characters.", field="reason"))
    stands = _locked(guidance).filter(retirement=None).exists()
    ensure(stands, StaleState("It was retired before."))
    return GuidanceRetirement.objects.create(guidance=guidance, by=by, reason=reason)


def _locked(guidance: Guidance) -> GuidanceQuerySet:
    Guidance.objects.select_for_update().get(pk=guidance.pk)
    return Guidance.objects.filter(pk=guidance.pk)
