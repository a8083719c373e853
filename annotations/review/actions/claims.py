"""Who holds which task. A seat is taken under the task's row lock, so no two people get the last one."""

from datetime import timedelta

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, Now

from annotations.review.models import Claim, Queue, ReviewTask
from labelhub.errors import NotFound, StaleState, ensure
from labelhub.people.models import User
from labelhub.states import move

TRIES = 50
TAKE = """
    INSERT INTO annotations_claim AS mine (task_id, by_id, state, fence, claimed_at, leased_until, skip_reason)
    VALUES (%(task)s, %(by)s, 'held', 1, statement_timestamp(), statement_timestamp() + %(lease)s, '')
    ON CONFLICT (task_id, by_id) DO UPDATE SET state = 'held', fence = mine.fence + 1,
        claimed_at = excluded.claimed_at,
        leased_until = excluded.leased_until, skip_reason = ''
    RETURNING *
"""


@transaction.atomic
def claim_next(queue: Queue, *, by: User) -> Claim | None:
    """The next task of `queue` for `by`; the one already held, if any; None when nothing is left for this person."""
    ensure(Queue.objects.visible_to(by).filter(pk=queue.pk).exists(), NotFound())
    held = Claim.objects.live().filter(by=by, task__queue=queue, task__state=ReviewTask.State.OPEN).first()
    if held:
        return renew(held)
    tried: list[int] = []
    for _ in range(TRIES):
        task = waiting_for(queue, by).exclude(pk__in=tried).select_for_update(skip_locked=True, of=("self",)).first()
        if task is None:
            return None
        # Counted again under the lock: the first count was made before it.
        if Claim.objects.filter(task=task).seats_taken().count() < queue.overlap:
            return _take(task, queue, by)
        tried.append(task.pk)
    return None


@transaction.atomic
def claim(task: ReviewTask, *, by: User) -> Claim:
    """This very task. Raises NotFound when it is not theirs to see, StaleState when the seats are taken."""
    ensure(ReviewTask.objects.visible_to(by).filter(pk=task.pk).exists(), NotFound())
    locked = ReviewTask.objects.select_for_update().select_related("queue").get(pk=task.pk)
    ensure(
        locked.state == ReviewTask.State.OPEN, StaleState(f"This task is {locked.state}: there is nothing to judge.")
    )
    mine = Claim.objects.live().filter(task=locked, by=by).first()
    if mine:
        return renew(mine)
    judged = Claim.objects.filter(task=locked, by=by, state=Claim.State.DONE).exists()
    ensure(not judged, StaleState("You have judged this task. It waits for somebody else now: take the next one."))
    others = Claim.objects.filter(task=locked).exclude(by=by).seats_taken().count()
    ensure(others < locked.queue.overlap, StaleState("Somebody else is judging this task. Take the next one."))
    return _take(locked, locked.queue, by)


def waiting_for(queue: Queue, user: User) -> QuerySet[ReviewTask]:
    """Open tasks of `queue` with a free seat that `user` has neither judged nor skipped, in the queue's order."""
    of_task = Claim.objects.filter(task=OuterRef("pk"))
    mine = of_task.filter(by=user).filter(Q(state=Claim.State.DONE) | ~Q(skip_reason=""))
    seats = of_task.seats_taken().order_by().values("task").annotate(n=Count("pk")).values("n")
    open_tasks = ReviewTask.objects.open().filter(queue=queue)
    free = open_tasks.annotate(taken=Coalesce(Subquery(seats), 0)).filter(taken__lt=queue.overlap)
    return free.exclude(Exists(mine)).in_order()


def _take(task: ReviewTask, queue: Queue, by: User) -> Claim:
    lease = timedelta(minutes=queue.lease_minutes)
    claim: Claim = Claim.objects.raw(TAKE, {"task": task.pk, "by": by.pk, "lease": lease})[0]
    claim.task = task
    return claim


@transaction.atomic
def renew(claim: Claim) -> Claim:
    """Activity on a held task extends its lease; one that has run out takes its seat again only if that is free."""
    task = ReviewTask.objects.select_for_update(of=("self",)).select_related("queue").get(pk=claim.task_id)
    others = Claim.objects.filter(task=task).exclude(pk=claim.pk).seats_taken().count()
    if others < task.queue.overlap:
        lease = Now() + timedelta(minutes=task.queue.lease_minutes)
        Claim.objects.filter(pk=claim.pk, state=Claim.State.HELD).update(leased_until=lease)
    claim.refresh_from_db()
    return claim


def release(claim: Claim, *, by: User) -> None:
    """Give the task back. Somebody else's claim is left alone; one that is not held any more too."""
    Claim.objects.filter(pk=claim.pk, by=by, state=Claim.State.HELD).update(state=Claim.State.RELEASED)


def skip(claim: Claim, *, by: User, reason: str) -> None:
    """Give it back and do not show it to this person again. Raises StaleState when it is not held any more."""
    ensure(claim.by_id == by.pk, NotFound())
    move(claim, to=Claim.State.RELEASED, skip_reason=reason[:300] or "skipped")
