"""What is put into queues: by hand, and by lot."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil
from random import randint, sample
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Exists, Max, Min, OuterRef, Q

from annotations.capture.models import Interaction
from annotations.review.models import Queue, ReviewTask
from annotations.review.ranking import RANK, TOLD_BY_OTHERS
from labelhub import jobs
from labelhub.errors import Invalid, ensure
from labelhub.people.models import User
from labelhub.projects.actions import ensure_right
from labelhub.projects.models import Project
from labelhub.projects.rights import Right

DRAWN = "random audit"
GUESSES, ROUNDS = 5_000, 20
# In one statement: how many are new is told by it alone, whoever else puts something into the queue meanwhile.
# Served in the order given, a drawn slice in a random one; inserted in one order by all, or two at once would each wait
# for an answer that the other has put in.
PUT = f"""
    WITH given AS (
        SELECT work.*, nextval(pg_get_serial_sequence('annotations_reviewtask', 'id')) AS task FROM (
            SELECT answer.id, reason, priority, sensitive, {RANK} AS rank
            FROM unnest(%(answers)s::bigint[], %(reasons)s::text[], %(priorities)s::int[], %(sensitive)s::bool[])
                WITH ORDINALITY AS one (id, reason, priority, sensitive, place)
            JOIN annotations_interaction answer ON answer.id = one.id AND answer.project_id = %(project)s
            ORDER BY place
        ) AS work
    )
    INSERT INTO annotations_reviewtask
        (id, project_id, queue_id, interaction_id, state, priority, rank, reason, sensitive, random_slice, reserved,
         calibration, routed_by_id)
    SELECT task, %(project)s, %(queue)s, id, 'open', priority, rank, reason, sensitive, %(random_slice)s, false, false,
        %(by)s
    FROM given ORDER BY id, task
    ON CONFLICT (queue_id, interaction_id) WHERE NOT calibration AND candidate_id IS NULL DO NOTHING
"""


@dataclass(frozen=True)
class Work:
    """An answer to judge: why, how urgent it is, and whether a flag on sensitive content led to it."""

    interaction_id: int
    reason: str
    priority: int = 0
    sensitive: bool = False


@transaction.atomic
def add_tasks(queue: Queue, work: Iterable[Work], *, by: User) -> int:
    """Put answers of the queue's project up for judging. How many are new; those in the queue stay as they are."""
    ensure_right(by, queue.project, Right.TRIAGE)
    _ensure_of_answers(queue)
    work = list(work)
    added = _put(queue, work, by=by)
    sensitive = [one.interaction_id for one in work if one.sensitive]
    if sensitive:  # what stood there before is no less so
        ReviewTask.objects.filter(queue=queue, interaction__in=sensitive).update(sensitive=True)
    if added and (queue.random_tenth or queue.order in TOLD_BY_OTHERS):
        jobs.wake("queued", queue.project_id)
    return added


@transaction.atomic
def draw_at_random(queue: Queue, *, by: User, number: int) -> int:
    """A random slice of what was captured and is in no queue yet: it keeps the figures unbiased."""
    ensure_right(by, queue.project, Right.TRIAGE)
    _ensure_of_answers(queue)
    ensure(1 <= number <= 10_000, Invalid("Draw between 1 and 10,000.", field="random"))
    return _put_drawn(queue, number, by=by)


def _ensure_of_answers(queue: Queue) -> None:
    pairs = Invalid(f"{queue} judges pairs: each needs another answer beside the output.", field="queue")
    ensure(queue.mode == Queue.Mode.CORRECTION, pairs)


def top_up(queue: Queue) -> int:
    """Draw until a tenth of what waits in `queue` is of the random slice, as far as there is something to draw from.

    How many were drawn. Two at once draw too many, never too few.
    """
    waits = ReviewTask.objects.open().filter(queue=queue)
    found = waits.aggregate(drawn=Count("pk", filter=Q(random_slice=True)), all=Count("pk"))
    short = ceil((found["all"] - found["drawn"]) / 9) - found["drawn"]
    return _put_drawn(queue, short, by=None) if short > 0 else 0


def drawn(project: Project, number: int) -> list[int]:
    """Ids of at most `number` interactions that are in no queue, each as likely as any other, in random order.

    Guesses ids between the first and the last, so that nothing is sorted; what lies too thinly for that is sorted.
    """
    tasked = ReviewTask.objects.filter(interaction=OuterRef("pk"))
    untouched = Interaction.objects.filter(project=project).exclude(Exists(tasked))
    ends = Interaction.objects.filter(project=project).aggregate(first=Min("pk"), last=Max("pk"))
    found: set[int] = set()
    if ends["first"] is not None and ends["last"] - ends["first"] > GUESSES:
        for _ in range(ROUNDS):
            guesses = [randint(ends["first"], ends["last"]) for _ in range(GUESSES)]
            found.update(untouched.filter(pk__in=guesses).values_list("pk", flat=True))
            if len(found) >= number:
                return sample(sorted(found), number)
    return list(untouched.order_by("?").values_list("pk", flat=True)[:number])


def _put_drawn(queue: Queue, number: int, *, by: User | None) -> int:
    work = [Work(pk, DRAWN) for pk in drawn(queue.project, number)]
    return _put(queue, work, by=by, random_slice=True)


def _put(queue: Queue, work: list[Work], *, by: User | None, random_slice: bool = False) -> int:
    values: dict[str, Any] = {
        "project": queue.project_id, "queue": queue.pk, "by": by.pk if by else None, "random_slice": random_slice,
        "answers": [one.interaction_id for one in work], "reasons": [one.reason[:300] for one in work],
        "priorities": [one.priority for one in work], "sensitive": [one.sensitive for one in work],
        "order": queue.order,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(PUT, values)
        added = int(cursor.rowcount)
    if added and queue.assignment != Queue.Assignment.PULL:
        jobs.wake("undealt", queue.project_id)
    return added
