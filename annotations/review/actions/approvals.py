"""The second person. Whoever wrote a label never approves it, on any path; a trigger holds that in the database too."""

from django.db import IntegrityError, transaction

from annotations.review.actions.labels import hand_back
from annotations.review.actions.seats import locked, settle
from annotations.review.models import Approval, Label, Return, ReviewTask, Withdrawal
from labelhub import jobs
from labelhub.errors import Invalid, NotAllowed, StaleState, ensure
from labelhub.people.models import User
from labelhub.projects.actions import ensure_right
from labelhub.projects.rights import Right


@transaction.atomic
def approve(label: Label, *, by: User, note: str = "") -> Approval:
    """Accept `label` as truth: from this commit on its answer can be injected and trained on.

    Raises NotAllowed if `by` wrote it or may not approve here, StaleState if it was approved or sent back before.
    The task itself is decided once each of its labels is.
    """
    ensure_right(by, label.project, Right.APPROVE)
    ensure(by.pk != label.author_id, NotAllowed("Authors cannot approve their own label: ask a second person."))
    task = _decide_on(label)
    ensure(label.verdict != Label.Verdict.CANNOT_JUDGE, Invalid("This label judges nothing. Send it back instead."))
    try:
        with transaction.atomic():
            approval = Approval.objects.create(
                project_id=label.project_id,
                label=label,
                interaction_id=task.interaction_id,
                by=by,
                note=note,
                of_pair=task.candidate_id is not None,
            )
    except IntegrityError as error:
        raise StaleState("This label is approved already.") from error
    settle(ReviewTask.objects.filter(pk=task.pk).undecided())  # what is decided is not opened by one approval more
    jobs.wake("approved", label.project)
    return approval


@transaction.atomic
def send_back(label: Label, *, by: User, reason: str) -> Return:
    """Return `label` to its author, who finds it again as a draft. Raises like `approve`; the reason is needed."""
    ensure_right(by, label.project, Right.APPROVE)
    ensure(by.pk != label.author_id, NotAllowed("Authors cannot decide on their own label: ask a second person."))
    ensure(reason.strip(), Invalid("Say why: the author reads it."))
    task = _decide_on(label)
    returned = Return.objects.create(label=label, by=by, reason=reason.strip())
    hand_back(label, task)
    return returned


def _decide_on(label: Label) -> ReviewTask:
    """The label's task, locked. Raises StaleState when somebody decided on the label before, or it was taken back."""
    task = locked(label.task_id)
    compared = StaleState("A calibration item is compared with its gold answer: nobody decides on it.")
    ensure(not task.calibration, compared)
    taken_back = Withdrawal.objects.filter(label=label).exists()
    ensure(not taken_back, StaleState("Its author took this label back: there is nothing to decide on."))
    waiting = Label.objects.waiting().filter(pk=label.pk).exists()
    ensure(waiting, StaleState("Somebody decided on this label before you. Reload to see what became of it."))
    return task
