"""A task under its lock, and its state as its seats have it. Whoever moves a task or a claim of it holds this lock."""

from annotations.review.models import Claim, Label, ReviewTask
from labelhub.errors import NotFound
from labelhub.states import move

State = ReviewTask.State


def locked(pk: int) -> ReviewTask:
    """The task, for this transaction alone. Raises NotFound: the decision that made it may have been taken back.

    Its queue is read when it is asked for, and so as it is after the wait for the lock.
    """
    tasks = ReviewTask.objects.select_for_update(of=("self",)).select_related("interaction", "project")
    task = tasks.filter(pk=pk).first()
    if task is None:
        raise NotFound
    return task


def settle(task: ReviewTask) -> None:
    """Open while a seat is free; else submitted while a label waits, else approved. `task` is locked."""
    if Claim.objects.done().filter(task=task).count() < task.queue.overlap:
        if task.state != State.OPEN:
            move(task, to=State.OPEN)
        return
    if task.state == State.OPEN:
        move(task, to=State.SUBMITTED)
    if task.state == State.SUBMITTED and not Label.objects.waiting().filter(task=task).exists():
        move(task, to=State.APPROVED)
