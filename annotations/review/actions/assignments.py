"""Tasks given to people: by hand, and by a queue's rule.

Whoever gives out tasks of a queue holds it alone: nobody judges in it meanwhile, and no task is locked for it.
"""

from collections.abc import Collection, Iterable, Sequence

from django.db import transaction
from django.db.models import Count, F, OuterRef, QuerySet
from django.urls import reverse

from annotations.review.actions.seats import alone
from annotations.review.dealing import Undealt, deal, in_turn
from annotations.review.models import Assignment, Claim, Queue, ReviewTask
from annotations.review.models.work import number_of
from labelhub import jobs
from labelhub.errors import Invalid, NotFound, StaleState, ensure
from labelhub.notices.actions import tell
from labelhub.people.models import User
from labelhub.projects.actions import ensure_right
from labelhub.projects.rights import Right

BATCH = 1_000  # tasks dealt in one transaction; some tenths of a second


@transaction.atomic
def assign(queue: Queue, tasks: Collection[int], *, to: Collection[User], by: User) -> int:
    """Give open tasks of `queue`, by id, to people in place of whom they were given to; to nobody: to everybody again.

    How many tasks changed hands. Raises NotAllowed, NotFound for a foreign task, StaleState where one is not open any
    more, Invalid for who does not judge there, or fewer people than judge each task.
    """
    ensure_right(by, queue.project, Right.TRIAGE)
    people, wanted = {user.pk: user for user in to}, set(tasks)
    queue = alone(queue.pk)
    few = f"In this queue {queue.overlap} people judge each task: name as many, or nobody."
    ensure(not people or len(people) >= queue.overlap, Invalid(few, field="to"))
    judging = queue.judges().filter(pk__in=people).count()
    ensure(judging == len(people), Invalid("Only people who judge in this queue can be given its tasks.", field="to"))
    states = list(ReviewTask.objects.filter(queue=queue, pk__in=wanted).values_list("state", flat=True))
    ensure(len(states) == len(wanted), NotFound())
    gone = sum(state != ReviewTask.State.OPEN for state in states)
    ensure(not gone, StaleState(f"{gone} of these are not open any more: look at the list again."))
    before = _given(wanted)
    moved = [pk for pk in sorted(wanted) if before.get(pk, set()) != set(people)]
    Assignment.objects.filter(task__in=moved).delete()
    _give(moved, [(pk, person) for pk in moved for person in people], by=by)
    _tell(people.values(), queue, len(moved), by)
    return len(moved)


def deal_what_is_open(queue: Queue) -> bool:
    """Give the next tasks that are for everybody to people, by the queue's rule; True if there may be more.

    What somebody was faster to take is theirs as if it had been given to them; who skipped a task is not given it.
    """
    with transaction.atomic():
        queue = alone(queue.pk)
        people = list(queue.dealt_to().values_list("pk", flat=True))
        if queue.assignment == Queue.Assignment.PULL or len(people) < queue.overlap:
            return False
        open_tasks = ReviewTask.objects.open().filter(queue=queue, reserved=False).in_order()
        tasks = list(open_tasks.values_list("pk", flat=True)[:BATCH])
        taken = _by_task(Claim.objects.seats_taken().filter(task__in=tasks).values_list("task", "by"))
        dealt = deal(_undealt(tasks, queue, taken), *_order(queue, people))
        _give(tasks, [*dealt, *((pk, person) for pk, who in taken.items() for person in who)], by=None)
        if dealt:
            Queue.objects.filter(pk=queue.pk).update(last_dealt_to=dealt[-1][1])
    return len(tasks) == BATCH and bool(dealt)


def _order(queue: Queue, people: list[int]) -> tuple[list[int], dict[int, int]]:
    """Who comes first, and what each has already: all that `deal` needs to know of the rule."""
    in_order = in_turn(people, queue.last_dealt_to_id)
    if queue.assignment == Queue.Assignment.ROUND_ROBIN:
        return in_order, {}
    theirs = Assignment.objects.filter(to__in=people, task__queue=queue, task__state=ReviewTask.State.OPEN)
    return in_order, dict(theirs.values_list("to").annotate(Count("pk")))


def _undealt(tasks: Sequence[int], queue: Queue, taken: dict[int, set[int]]) -> list[Undealt]:
    given = _given(tasks)
    skipped = _by_task(Claim.objects.filter(task__in=tasks).exclude(skip_reason="").values_list("task", "by"))
    found = []
    for pk in tasks:
        has = given.get(pk, set()) | taken.get(pk, set())
        found.append(Undealt(pk, max(0, queue.overlap - len(has)), has | skipped.get(pk, set())))
    return found


def give_back(task: ReviewTask, person: User) -> None:
    """`person` does not judge it after all: their place is open to everybody until it is dealt. `task` is locked."""
    if Assignment.objects.filter(task=task, to=person).delete()[0]:
        reserve(ReviewTask.objects.filter(pk=task.pk))
        jobs.wake("undealt", task.project_id)


@transaction.atomic
def take_from_strangers(queue: Queue) -> None:
    """What was given to people who may not judge it any more is for others."""
    _take_back(Assignment.objects.of_strangers().filter(task__queue=alone(queue.pk)))


def after_change(queue: Queue, before: Queue, *, other_reviewers: bool) -> None:
    """What is given out is as `queue` wants it now, which is held alone."""
    if other_reviewers:
        _take_back(Assignment.objects.of_strangers().filter(task__queue=queue))
    if queue.overlap != before.overlap:
        reserve(ReviewTask.objects.filter(queue=queue))
    if queue.assignment != Queue.Assignment.PULL:
        jobs.wake("undealt", queue.project_id)
    elif before.assignment != Queue.Assignment.PULL:
        _take_back(Assignment.objects.filter(task__queue=queue, task__state=ReviewTask.State.OPEN, by=None))


def reserve(tasks: QuerySet[ReviewTask]) -> None:
    """What as many people are given as judge it is for nobody else. Two statements, however many tasks."""
    tasks = tasks.alias(given=number_of(Assignment.objects.filter(task=OuterRef("pk"))))
    tasks.filter(given__gte=F("queue__overlap"), reserved=False).update(reserved=True)
    tasks.filter(given__lt=F("queue__overlap"), reserved=True).update(reserved=False)


def _take_back(assignments: QuerySet[Assignment]) -> None:
    tasks = list(assignments.values_list("task", flat=True))
    assignments.delete()
    reserve(ReviewTask.objects.filter(pk__in=tasks))


def _give(tasks: Collection[int], pairs: Iterable[tuple[int, int]], *, by: User | None) -> None:
    rows = [Assignment(task_id=task, to_id=person, by=by) for task, person in pairs]
    Assignment.objects.bulk_create(rows, ignore_conflicts=True)
    reserve(ReviewTask.objects.filter(pk__in=tasks))


def _given(tasks: Collection[int]) -> dict[int, set[int]]:
    return _by_task(Assignment.objects.filter(task__in=tasks).values_list("task", "to"))


def _by_task(pairs: Iterable[tuple[int, int]]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for task, person in pairs:
        found.setdefault(task, set()).add(person)
    return found


def _tell(people: Iterable[User], queue: Queue, number: int, by: User) -> None:
    if number:
        text = f"Gave you {number} answer{'' if number == 1 else 's'} to judge in {queue.name}"
        path = reverse("review:desk", args=[queue.project.slug, queue.slug])
        tell(people, project=queue.project, by=by, text=text, path=path)
