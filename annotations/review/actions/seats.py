"""A task under its lock, and its state as its seats have it.

Whoever moves a task or a claim of it first keeps its queue as it is (FOR SHARE) and then holds the task's lock. So who
changes a queue, and locks no task for it, waits until nobody judges in it; and they wait until it is changed.
"""

from django.db.models import Case, Exists, F, OuterRef, QuerySet, Subquery, Value, When

from annotations.review.models import Claim, Label, Queue, ReviewTask
from annotations.review.models.work import number_of
from labelhub.errors import NotFound

State = ReviewTask.State
STEADY = "SELECT * FROM annotations_queue WHERE id = %s FOR SHARE"
STEADY_OF_TASK = """
    SELECT * FROM annotations_queue WHERE id = (SELECT queue_id FROM annotations_reviewtask WHERE id = %s) FOR SHARE
"""


def alone(pk: int) -> Queue:
    """The queue for this transaction alone, once everybody who judges in it has ended. Raises NotFound."""
    queue = Queue.objects.select_for_update(no_key=True, of=("self",)).select_related("project").filter(pk=pk).first()
    if queue is None:
        raise NotFound
    return queue


def steady(queue: int) -> Queue:
    """The queue as it is now, and stays until this transaction ends. Raises NotFound."""
    return _first(STEADY, queue)


def locked(pk: int) -> ReviewTask:
    """The task, for this transaction alone, with its queue as it stays meanwhile.

    Raises NotFound: the decision that made it may have been taken back.
    """
    queue = _first(STEADY_OF_TASK, pk)
    tasks = ReviewTask.objects.select_for_update(of=("self",)).select_related("interaction", "project")
    task = tasks.filter(pk=pk).first()
    if task is None:
        raise NotFound
    task.queue, queue.project = queue, task.project
    return task


def _first(sql: str, pk: int) -> Queue:
    queue: Queue | None = next(iter(Queue.objects.raw(sql, [pk])), None)
    if queue is None:
        raise NotFound
    return queue


def settle(tasks: QuerySet[ReviewTask]) -> None:
    """Each is open while a seat is free; else submitted while a label waits, else approved, and approved it stays.

    A calibration item stays open until somebody takes it out.
    Their locks are held, or that of their queue. One statement, however many tasks: the moves of ReviewTask.MOVES, of
    which one that nobody waits for leads over "submitted".
    """
    done = number_of(Claim.objects.done().filter(task=OuterRef("pk")))
    waits = Exists(Label.objects.waiting().filter(task=OuterRef("pk")))
    stands = Case(
        When(done__lt=Subquery(Queue.objects.filter(pk=OuterRef("queue")).values("overlap")), then=Value(State.OPEN)),
        When(~waits, then=Value(State.APPROVED)),
        When(state=State.OPEN, then=Value(State.SUBMITTED)),
        default=F("state"),
    )
    tasks.filter(calibration=False).alias(done=done, stands=stands).exclude(state=F("stands")).update(state=F("stands"))
