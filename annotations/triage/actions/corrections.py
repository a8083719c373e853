"""What an end user wrote instead, vouched for by a moderator."""

from django.db import transaction

from annotations.capture.models import Feedback
from annotations.review.actions.claims import claim
from annotations.review.actions.labels import submit
from annotations.review.actions.work import Work, add_tasks
from annotations.review.models import Queue, ReviewTask
from annotations.triage.actions.decisions import decide, open_flags
from annotations.triage.models import Decision
from labelhub.errors import Invalid, NotFound, ensure
from labelhub.people.models import User

FROM_END_USER = "the end user wrote a better answer"


@transaction.atomic
def accept_correction(sign: Feedback, *, queue: Queue, by: User, rewrite: str) -> Decision:
    """Close the session's flags with a label of `by` that says `rewrite`; a second person approves it like any other.

    `sign` is the end user's better answer, of which `rewrite` may be a mended one; the label remembers where it comes
    from. Raises NotFound for another project's queue or a sign without an answer, Invalid for an empty rewrite or one
    that changes nothing, StaleState when no flag is open any more or somebody else judges the answer in this queue.
    """
    interaction = sign.interaction
    if interaction is None or queue.project_id != sign.project_id or sign.kind != Feedback.Kind.REWRITE:
        raise NotFound
    ensure(rewrite.strip(), Invalid("Write the answer that is right.", field="rewrite"))
    flags = open_flags(interaction.session, by)
    decision = decide(interaction.session, Decision.Kind.CORRECTION, flags, by=by, reason=FROM_END_USER, queue=queue)
    add_tasks(queue, [Work(interaction.pk, FROM_END_USER, 10 * max(flag.severity for flag in flags))], by=by)
    task = ReviewTask.objects.get(queue=queue, interaction=interaction, calibration=False, candidate=None)
    taken = claim(task, by=by)
    submit(task, by=by, fence=taken.fence, payload={"verdict": "flawed", "rewrite": rewrite}, origin=sign)
    decision.tasks.add(task)
    return decision


def corrections_of(session_id: int) -> list[Feedback]:
    """The better answers that end users wrote in a session, the newest first."""
    signs = Feedback.objects.filter(session=session_id, kind=Feedback.Kind.REWRITE).exclude(interaction=None)
    return list(signs.exclude(text="").select_related("interaction__session__project").order_by("-pk")[:5])
