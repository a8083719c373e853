"""Who holds which task. A seat is taken under the task's row lock, so no two people get the last one."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from annotations.review.actions.assignments import give_back
from annotations.review.actions.seats import locked, steady
from annotations.review.actions.suggestions import suggest
from annotations.review.models import Approval, Assignment, Claim, Queue, ReviewTask
from annotations.review.models.work import ReviewTaskQuerySet, number_of
from labelhub.errors import Invalid, NotFound, StaleState, ensure
from labelhub.people.models import User
from labelhub.projects.actions import ensure_right
from labelhub.projects.rights import Right
from labelhub.states import move

TRIES = 50
LONGEST = timedelta(days=90)  # that somebody puts a task off
CHOSEN = 9  # answers in a row that were not drawn at random
# Claim.MOVES in one statement: what is done is never taken anew, what one holds is not taken twice, and the seats are
# counted under the task's lock.
TAKE = """
    INSERT INTO annotations_claim AS mine (task_id, by_id, state, fence, claimed_at, leased_until, skip_reason, swapped)
    SELECT %(task)s, %(by)s, 'held', 1, statement_timestamp(), statement_timestamp() + %(lease)s, '', random() < 0.5
    FROM (
        SELECT count(*) AS taken, coalesce(bool_or(by_id = %(by)s), false) AS mine FROM annotations_claim
        WHERE task_id = %(task)s AND (state = 'done' OR state = 'held' AND leased_until > statement_timestamp())
    ) AS seats WHERE (taken < %(seats)s OR %(calibration)s) AND NOT mine
    ON CONFLICT (task_id, by_id) DO UPDATE SET state = 'held', fence = mine.fence + 1,
        claimed_at = excluded.claimed_at,
        leased_until = excluded.leased_until, skip_reason = '', snoozed_until = NULL
        WHERE mine.state <> 'done'
    RETURNING *
"""


@transaction.atomic
def claim_next(queue: Queue, *, by: User) -> Claim | None:
    """The next task of `queue` for `by`; the one already held, if any; None when nothing is left for this person."""
    ensure(Queue.objects.visible_to(by).filter(pk=queue.pk).exists(), NotFound())
    queue = steady(queue.pk)
    held = _at_hand(queue, by)
    if held:
        return held
    latest = list(Claim.objects.latest_of(by)[: max(CHOSEN, queue.calibration_every)])
    if _is_due_for_calibration(queue, latest) and (taken := _hidden(queue, by)):
        return taken
    free, given, drawn_first = _free_for(queue, by), _is_given_some(queue, by), _is_due_at_random(latest)
    for tasks in _in_turn(free, given=given, drawn_first=drawn_first, by=by):
        if taken := _first_free(tasks, queue, by):
            return taken
    return None


def _is_due_at_random(latest: list[Claim]) -> bool:
    """Whether the last nine that somebody took were all chosen: so of ten at least one was drawn, if there are any.

    Drawn ones are served in the order of the draw, in none that a rank or a person chose: so they stay a fair sample.
    """
    last = latest[:CHOSEN]
    return len(last) == CHOSEN and not any(one.task.random_slice for one in last)


def _is_due_for_calibration(queue: Queue, latest: list[Claim]) -> bool:
    last = latest[: max(0, queue.calibration_every - 1)]
    enough = queue.calibration_every and len(last) == queue.calibration_every - 1
    return bool(enough) and not any(one.task.calibration for one in last)


def _hidden(queue: Queue, by: User) -> Claim | None:
    """A calibration item, any of those that `by` has neither judged nor decided on before."""
    gold = Approval.objects.filter(interaction=OuterRef("interaction"))
    known = Exists(gold.filter(Q(by=by) | Q(label__author=by)))
    items = ReviewTask.objects.calibration().filter(queue=queue).not_done_with(by).exclude(known).order_by("?")
    task = items.select_for_update(skip_locked=True, of=("self",)).first()
    return _taken(task, queue, by) if task else None


def _in_turn(free: ReviewTaskQuerySet, *, given: bool, drawn_first: bool, by: User) -> Iterator[QuerySet[ReviewTask]]:
    """Where to look, one after the other: what was drawn in its turn, and before what is for everybody what is given.

    Each by an index of its own.
    """
    for_all, theirs = free.filter(reserved=False), free.filter(assignments__to=by)
    for drawn in (drawn_first, not drawn_first):
        for tasks in (theirs, for_all) if given else (for_all,):
            yield (
                tasks.filter(random_slice=True).order_by("pk") if drawn else tasks.filter(random_slice=False).in_order()
            )


def _is_given_some(queue: Queue, by: User) -> bool:
    return Assignment.objects.filter(to=by, task__queue=queue, task__state=ReviewTask.State.OPEN).exists()


def _first_free(tasks: QuerySet[ReviewTask], queue: Queue, by: User) -> Claim | None:
    tried: list[int] = []
    for _ in range(TRIES):
        free = tasks.exclude(pk__in=tried).select_related("interaction", "candidate")
        task = free.select_for_update(skip_locked=True, of=("self",)).first()
        if task is None:
            return None
        if taken := _taken(task, queue, by):
            if queue.suggests:
                suggest(task)
            return taken
        tried.append(task.pk)  # its seats were taken between the search and its lock
    return None


def _at_hand(queue: Queue, by: User) -> Claim | None:
    """What `by` holds already, with a new lease; None as well when a seat is left for it no longer."""
    at_hand = Claim.objects.at_hand(queue, by)
    held = at_hand.first()
    if held is None:
        return None
    task = locked(held.task_id)
    # Looked at again under the lock: another tab may have submitted it during the wait.
    held = at_hand.with_seat().filter(task=task).first()
    return extended(held, task) if held else None


@transaction.atomic
def claim(task: ReviewTask, *, by: User) -> Claim:
    """This very task. Raises NotFound when it is not theirs to see, StaleState when the seats are taken."""
    ensure(ReviewTask.objects.visible_to(by).filter(pk=task.pk).exists(), NotFound())
    task = locked(task.pk)
    ensure(task.state == ReviewTask.State.OPEN, StaleState(f"This task is {task.state}: there is nothing to judge."))
    mine = Claim.objects.live().with_seat().filter(task=task, by=by).first()
    if mine:
        return extended(mine, task)
    others = Claim.objects.filter(task=task).exclude(by=by).seats_taken().count()
    free = task.calibration or others < task.queue.overlap
    ensure(free, StaleState("Somebody else is judging this task. Take the next one."))
    theirs = not task.reserved or _given_to_or_begun(task, by)
    ensure(theirs, StaleState("This task is given to somebody else. Take the next one."))
    taken = _taken(task, task.queue, by)
    if taken is None:
        raise StaleState("You have judged this task. It waits for somebody else now: take the next one.")
    return taken


def waiting_for(queue: Queue, user: User) -> ReviewTaskQuerySet:
    """Open tasks of `queue` that `user` may take now: those that are for everybody, or given to them."""
    return _free_for(queue, user).served_to(user)


def _free_for(queue: Queue, user: User) -> ReviewTaskQuerySet:
    """Open tasks of `queue` with a free seat that `user` is not done with."""
    taken = number_of(Claim.objects.filter(task=OuterRef("pk")).seats_taken())
    free = ReviewTask.objects.open().filter(queue=queue).alias(taken=taken).filter(taken__lt=queue.overlap)
    return free.not_done_with(user)


def _taken(task: ReviewTask, queue: Queue, by: User) -> Claim | None:
    """None when no seat is free, or `by` has judged the task. It is locked."""
    lease = timedelta(minutes=queue.lease_minutes)
    values = {"task": task.pk, "by": by.pk, "lease": lease, "seats": queue.overlap, "calibration": task.calibration}
    for claim in Claim.objects.raw(TAKE, values):
        claim.task = task
        return claim
    return None


def _given_to_or_begun(task: ReviewTask, by: User) -> bool:
    """What they judged before is theirs to take up, whomever it was given to since then."""
    return any(
        rows.filter(task=task).exists() for rows in (Assignment.objects.filter(to=by), Claim.objects.filter(by=by))
    )


@transaction.atomic
def renew(claim: Claim, *, by: User) -> Claim:
    """Activity on a held task extends its lease; one that has run out takes its seat again only if that is free."""
    return extended(*_mine(claim, by))


@transaction.atomic
def release(claim: Claim, *, by: User, fence: int) -> None:
    """Give the task back. A claim that is not held any more, or was taken anew since `fence`, is left alone."""
    mine, _ = _mine(claim, by)
    if mine.state == Claim.State.HELD and mine.fence == fence:
        move(mine, to=Claim.State.RELEASED)


@transaction.atomic
def skip(claim: Claim, *, by: User, reason: str, fence: int | None = None) -> None:
    """Give it back and do not show it to this person again.

    Raises StaleState when it is not held any more, or was taken anew since `fence` (left out: since `claim` was read).
    """
    ensure(len(reason) <= 300, Invalid("The reason must be text of at most 300 characters.", field="reason"))
    mine, task = _held(claim, by, claim.fence if fence is None else fence, "nothing was skipped")
    move(mine, to=Claim.State.RELEASED, skip_reason=reason or "skipped")
    give_back(task, by)


@transaction.atomic
def snooze(claim: Claim, *, by: User, until: datetime, fence: int) -> None:
    """Give it back and want it again at `until`; what is typed stays. Others may take it meanwhile if it is for all.

    Raises StaleState when it is not held any more, or was taken anew since `fence`.
    """
    ahead = until - timezone.now()
    ensure(timedelta() < ahead <= LONGEST, Invalid("until must lie ahead, by at most 90 days.", field="until"))
    mine, _ = _held(claim, by, fence, "it was not put off")
    move(mine, to=Claim.State.RELEASED, snoozed_until=until)


def _held(claim: Claim, by: User, fence: int, undone: str) -> tuple[Claim, ReviewTask]:
    mine, task = _mine(claim, by)
    holds = mine.state == Claim.State.HELD and mine.fence == fence
    ensure(holds, StaleState(f"You do not hold this task any more: {undone}. Take the next one."))
    return mine, task


def release_strangers(project_id: int) -> None:
    """Give back what people hold who may not judge it any more. Their drafts stay."""
    _give_back(Claim.objects.held().of_strangers().filter(task__project=project_id))


def release_all(*, by: User) -> None:
    """Give back all that somebody holds, as they sign out. Their drafts stay."""
    _give_back(Claim.objects.held().filter(by=by))


def _give_back(claims: QuerySet[Claim]) -> None:
    for pk, task in claims.order_by("pk").values_list("pk", "task"):
        with transaction.atomic():
            locked(task)
            for held in claims.filter(pk=pk):  # looked at again under the lock
                move(held, to=Claim.State.RELEASED)


def _mine(claim: Claim, by: User) -> tuple[Claim, ReviewTask]:
    """The claim as it is now, and its task, locked. Raises NotFound for another's, NotAllowed without the right."""
    ensure(claim.by_id == by.pk, NotFound())
    task = locked(claim.task_id)
    ensure_right(by, task.project, Right.LABEL)
    return Claim.objects.get(task=task, by=by), task


def extended(claim: Claim, task: ReviewTask) -> Claim:
    """`claim` with a new lease, unless its seat is taken. `task` is locked."""
    lease = Now() + timedelta(minutes=task.queue.lease_minutes)
    Claim.objects.held().with_seat().filter(pk=claim.pk).update(leased_until=lease)
    claim.refresh_from_db(fields=["state", "fence", "leased_until"])
    return claim
