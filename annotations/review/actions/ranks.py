"""Giving tasks their rank. Whoever writes ranks holds the queue alone, so that nobody claims by half of them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models.functions import Now

from annotations.capture.wording import instructions
from annotations.review.actions.seats import alone
from annotations.review.models import Approval, Label, Queue, ReviewTask
from annotations.review.ranking import RANK, TOLD_BY_OTHERS, by_queue, less_novel, ranks
from labelhub import jobs
from labelhub.projects.models import Project

BATCH = 200  # tasks whose rank other rows tell; some milliseconds each
MANY = 5_000  # tasks whose rank stands in their own row
RECENT = timedelta(minutes=15)  # a follow-up comes within seconds; what it looked at before changes nothing
WRITE = """
    UPDATE annotations_reviewtask AS task SET rank = {rank}
    FROM unnest(%(tasks)s::bigint[], %(ranks)s::float8[]) AS given (id, rank) WHERE task.id = given.id
"""
SET, LOWER = WRITE.format(rank="given.rank"), WRITE.format(rank="least(task.rank, given.rank)")
KNOWN = f"""
    UPDATE annotations_reviewtask AS task SET rank = {RANK} FROM annotations_interaction answer
    WHERE answer.id = task.interaction_id AND task.id = ANY(%(tasks)s)
"""


def rank_unranked(project: Project) -> bool:
    """The next open tasks of `project` without a rank; True if there may be more."""
    tasks = list(ReviewTask.objects.open().filter(project=project, rank=None).select_related("queue__project")[:BATCH])
    for queue, theirs in by_queue(tasks).items():
        _rank(queue, theirs)
    return len(tasks) == BATCH


def rank_after_approvals(project: Project) -> None:
    """What was decided lately makes others less novel."""
    for approval in Approval.objects.filter(project=project, at__gt=Now() - RECENT).select_related("project"):
        lower = less_novel(approval)
        for queue, theirs in by_queue(ReviewTask.objects.filter(pk__in=lower).select_related("queue")).items():
            _write(queue, LOWER, {task.pk: lower[task.pk] for task in theirs})


def rank_after_labels(project: Project) -> None:
    """What was judged lately may be disagreed on more, or less."""
    judged = Label.objects.filter(project=project, created_at__gt=Now() - RECENT).values("task__interaction")
    disputed = ReviewTask.objects.open().filter(interaction__in=judged, queue__order=Queue.Order.DISAGREED)
    for queue, theirs in by_queue(disputed.select_related("queue__project")).items():
        _rank(queue, theirs)


def wake_after_label(label: Label) -> None:
    """Only where somebody orders by it, or has to look at what was written. Call it last: see `jobs.wake`."""
    interaction = label.task.interaction_id
    others = ReviewTask.objects.open().filter(interaction=interaction, queue__order=Queue.Order.DISAGREED)
    if instructions(label.rewrite) or others.exists():
        jobs.wake("judged", label.project_id)


def rank_queue_from(queue: Queue, after: int) -> int | None:
    """Rank the next open tasks of a queue whose order was changed; the last id, None when these were all."""
    size = BATCH if queue.order in TOLD_BY_OTHERS else MANY
    tasks = list(ReviewTask.objects.open().filter(queue=queue, pk__gt=after).order_by("pk")[:size])
    if tasks:
        _rank(queue, tasks)
    return tasks[-1].pk if len(tasks) == size else None


def _rank(queue: Queue, tasks: list[ReviewTask]) -> None:
    """By the order that `queue` had when it was read; whoever changes it has all ranked again."""
    if queue.order in TOLD_BY_OTHERS:
        _write(queue, SET, ranks(queue, tasks))
    else:
        _run(queue, KNOWN, {"order": queue.order, "tasks": [task.pk for task in tasks]})


def _write(queue: Queue, sql: str, found: Mapping[int, float]) -> None:
    _run(queue, sql, {"tasks": list(found), "ranks": list(found.values())})


@transaction.atomic
def _run(queue: Queue, sql: str, values: dict[str, Any]) -> None:
    alone(queue.pk)
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
