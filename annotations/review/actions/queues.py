"""Queues, and what is put into them by hand or by lot."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.postgres.functions import TransactionNow
from django.core.validators import slug_re
from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, F, OuterRef
from django.db.models.functions import Least, Now

from annotations.capture.models import Interaction
from annotations.review.actions.seats import settle
from annotations.review.models import Claim, Queue, ReviewTask
from annotations.review.ranking import RANK, TOLD_BY_OTHERS
from labelhub import jobs
from labelhub.body import stored_text
from labelhub.errors import Conflict, Invalid, ensure
from labelhub.people.models import User
from labelhub.projects.actions import ensure_right
from labelhub.projects.models import Membership, Project
from labelhub.projects.rights import Right

OVERLAP, LEASE_MINUTES = (1, 10), (1, 240)
# In one statement: how many are new is told by it alone, whoever else puts something into the queue meanwhile.
# Served in the order given, a drawn slice in a random one; inserted in one order by all, or two at once would each wait
# for an answer that the other has put in.
PUT = f"""
    WITH given AS (
        SELECT work.*, nextval(pg_get_serial_sequence('annotations_reviewtask', 'id')) AS task FROM (
            SELECT answer.id, reason, priority, {RANK} AS rank
            FROM unnest(%(answers)s::bigint[], %(reasons)s::text[], %(priorities)s::int[])
                WITH ORDINALITY AS one (id, reason, priority, place)
            JOIN annotations_interaction answer ON answer.id = one.id AND answer.project_id = %(project)s
            ORDER BY place
        ) AS work
    )
    INSERT INTO annotations_reviewtask
        (id, project_id, queue_id, interaction_id, state, priority, rank, reason, random_slice, routed_by_id)
    SELECT task, %(project)s, %(queue)s, id, 'open', priority, rank, reason, %(random_slice)s, %(by)s
    FROM given ORDER BY id, task
    ON CONFLICT (queue_id, interaction_id) DO NOTHING
"""


@dataclass(frozen=True)
class Work:
    """An answer to judge: why, and how urgent it is."""

    interaction_id: int
    reason: str
    priority: int = 0


@transaction.atomic
def create_queue(
    project: Project, *, slug: str, name: str, by: User, instructions: str = "", overlap: int = 1,
    lease_minutes: int = 15, reviewers: Collection[User] = (), order: str = Queue.Order.PRIORITY,
) -> Queue:  # fmt: skip
    """Raises NotAllowed, Conflict when the slug is taken, Invalid for what does not fit."""
    ensure_right(by, project, Right.CURATE)
    fits = bool(slug_re.match(slug)) and len(slug) <= 60
    ensure(fits, Invalid("slug must be at most 60 letters, digits, hyphens or underscores.", field="slug"))
    ensure_fits(project, name=name, overlap=overlap, lease_minutes=lease_minutes, reviewers=reviewers, order=order)
    queue = Queue(project=project, slug=slug, name=name, overlap=overlap, lease_minutes=lease_minutes, order=order)
    queue.instructions = stored_text(instructions)[0]
    try:
        with transaction.atomic():
            queue.save()
    except IntegrityError as error:
        raise Conflict(f"There is a queue {slug!r} already: choose another slug.", field="slug") from error
    queue.reviewers.set(reviewers)
    return queue


@transaction.atomic
def update_queue(
    queue: Queue, *, by: User, name: str, instructions: str, overlap: int, lease_minutes: int,
    reviewers: Collection[User], order: str,
) -> None:  # fmt: skip
    """Set the queue up anew; what is being judged follows. Raises NotAllowed, Invalid for what does not fit."""
    ensure_right(by, queue.project, Right.CURATE)
    ensure_fits(
        queue.project, name=name, overlap=overlap, lease_minutes=lease_minutes, reviewers=reviewers, order=order
    )
    before = Queue.objects.select_for_update(no_key=True).get(pk=queue.pk)  # who is judging ends first
    Queue.objects.filter(pk=queue.pk).update(
        name=name, instructions=stored_text(instructions)[0], overlap=overlap, lease_minutes=lease_minutes, order=order
    )
    queue.reviewers.set(reviewers)
    Claim.objects.held().of_strangers().filter(task__queue=queue).update(state=Claim.State.RELEASED)
    if overlap != before.overlap:
        settle(ReviewTask.objects.filter(queue=queue).undecided())
        surplus = Claim.objects.live().without_seat().filter(task__queue=queue)
        surplus.update(leased_until=TransactionNow())  # theirs again, should a seat become free
    lease = Now() + timedelta(minutes=lease_minutes)
    Claim.objects.held().filter(task__queue=queue).update(leased_until=Least(F("leased_until"), lease))
    if order != before.order:
        jobs.enqueue("annotations.review.tasks.rank_queue", f"{queue.pk}:0", project=queue.project)


def ensure_fits(
    project: Project, *, name: str, overlap: int, lease_minutes: int, reviewers: Collection[User], order: str
) -> None:
    """Raises Invalid for what no queue of `project` can be."""
    orders = ", ".join(Queue.Order.values)
    ensure(order in Queue.Order.values, Invalid(f"order must be one of {orders}.", field="order"))
    ensure(name.strip(), Invalid("name is missing.", field="name"))
    ensure(len(name) <= 120, Invalid("name must be text of at most 120 characters.", field="name"))
    for field, value, (low, high) in (("overlap", overlap, OVERLAP), ("lease_minutes", lease_minutes, LEASE_MINUTES)):
        ensure(low <= value <= high, Invalid(f"{field} must be from {low} to {high}.", field=field))
    members = Membership.objects.filter(project=project, user__in=reviewers).count()
    ensure(members == len(set(reviewers)), Invalid("Only people of the project review in it.", field="reviewers"))


def add_tasks(queue: Queue, work: Iterable[Work], *, by: User, random_slice: bool = False) -> int:
    """Put answers of the queue's project up for judging. How many are new; those in the queue stay as they are."""
    ensure_right(by, queue.project, Right.TRIAGE)
    work = list(work)
    values: dict[str, Any] = {
        "project": queue.project_id, "queue": queue.pk, "by": by.pk, "random_slice": random_slice,
        "answers": [one.interaction_id for one in work], "reasons": [one.reason[:300] for one in work],
        "priorities": [one.priority for one in work], "order": queue.order,
    }  # fmt: skip
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(PUT, values)
            added = int(cursor.rowcount)
        if added and queue.order in TOLD_BY_OTHERS:
            jobs.wake("queued", queue.project_id)
    return added


def draw_at_random(queue: Queue, *, by: User, number: int) -> int:
    """A random slice of what was captured and is in no queue yet: it keeps the figures unbiased."""
    ensure_right(by, queue.project, Right.TRIAGE)
    ensure(1 <= number <= 10_000, Invalid("Draw between 1 and 10,000.", field="random"))
    tasked = ReviewTask.objects.filter(interaction=OuterRef("pk"))
    untouched = Interaction.objects.filter(project=queue.project).exclude(Exists(tasked))
    drawn = untouched.order_by("?").values_list("pk", flat=True)[:number]
    return add_tasks(queue, [Work(pk, "random audit") for pk in drawn], by=by, random_slice=True)
