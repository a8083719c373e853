"""A task under its lock, and its state as its seats have it.

Whoever moves a task or a claim of it first keeps its queue as it is (FOR SHARE) and then holds the task's lock. So who
changes a queue, and locks no task for it, waits until nobody judges in it; and they wait until it is changed.
"""

from django.db.models import Exists, F, OuterRef, QuerySet

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
    task.queue = queue
    return task


def _first(sql: str, pk: int) -> Queue:
    queue: Queue | None = next(iter(Queue.objects.raw(sql, [pk])), None)
    if queue is None:
        raise NotFound
    return queue


def settle(tasks: QuerySet[ReviewTask]) -> None:
    """Each is open while a seat is free; else submitted while a label waits, else approved, and approved it stays.

    A calibration item stays open until somebody takes it out.
    Their locks are held, or that of their queue. Three statements, however many tasks: the moves of ReviewTask.MOVES.
    """
    tasks = tasks.filter(calibration=False).alias(done=number_of(Claim.objects.done().filter(task=OuterRef("pk"))))
    full = tasks.filter(done__gte=F("queue__overlap"))
    tasks.filter(done__lt=F("queue__overlap")).exclude(state=State.OPEN).update(state=State.OPEN)
    full.filter(state=State.OPEN).update(state=State.SUBMITTED)
    waits = Exists(Label.objects.waiting().filter(task=OuterRef("pk")))
    full.filter(~waits, state=State.SUBMITTED).update(state=State.APPROVED)
