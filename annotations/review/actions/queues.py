"""Queues are made, and changed while people judge in them."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any, TypedDict, Unpack

from django.contrib.postgres.functions import TransactionNow
from django.core.validators import slug_re
from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Least, Now

from annotations.review.actions.assignments import after_change
from annotations.review.actions.seats import alone, settle
from annotations.review.models import Claim, Queue, ReviewTask
from labelhub import jobs
from labelhub.body import stored_text
from labelhub.errors import Conflict, Invalid, ensure
from labelhub.people.models import User
from labelhub.projects.actions import ensure_right
from labelhub.projects.models import Membership, Project
from labelhub.projects.rights import Right

OVERLAP, LEASE_MINUTES, CALIBRATION_EVERY = (1, 10), (1, 240), (0, 1_000)


class SetUp(TypedDict, total=False):
    """How a queue is judged. What is left out is as `Queue` has it by default, or as it was."""

    name: str
    instructions: str
    order: str
    assignment: str
    random_tenth: bool
    calibration_every: int
    calibration_feedback: bool
    suggests: bool
    approve_which: str
    approve_share: float
    approve_twice: str
    threads_block: bool
    overlap: int
    lease_minutes: int
    reviewers: Collection[User]


@transaction.atomic
def create_queue(
    project: Project, *, slug: str, by: User, mode: str = Queue.Mode.CORRECTION, **set_up: Unpack[SetUp]
) -> Queue:
    """Raises NotAllowed, Conflict when the slug is taken, Invalid for what does not fit."""
    ensure_right(by, project, Right.CURATE)
    fits = bool(slug_re.match(slug)) and len(slug) <= 60
    ensure(fits, Invalid("slug must be at most 60 letters, digits, hyphens or underscores.", field="slug"))
    ensure_fits(project, {"name": "", "overlap": 1, **set_up})
    queue = Queue(project=project, slug=slug, mode=mode, **_columns(set_up))
    try:
        with transaction.atomic():
            queue.save()
    except IntegrityError as error:
        raise Conflict(f"There is a queue {slug!r} already: choose another slug.", field="slug") from error
    queue.reviewers.set(set_up.get("reviewers", ()))
    if queue.random_tenth:
        jobs.wake("queued", project)
    return queue


@transaction.atomic
def update_queue(queue: Queue, *, by: User, **set_up: Unpack[SetUp]) -> None:
    """Set the queue up anew; what is being judged follows. Raises NotAllowed, Invalid for what does not fit."""
    ensure_right(by, queue.project, Right.CURATE)
    ensure_fits(queue.project, set_up)
    before = alone(queue.pk)
    Queue.objects.filter(pk=queue.pk).update(**_columns(set_up))
    now = Queue.objects.get(pk=queue.pk)
    if "reviewers" in set_up:
        queue.reviewers.set(set_up["reviewers"])
    Claim.objects.held().of_strangers().filter(task__queue=queue).update(state=Claim.State.RELEASED)
    if now.overlap != before.overlap:
        settle(ReviewTask.objects.filter(queue=queue).undecided())
        surplus = Claim.objects.live().without_seat().filter(task__queue=queue)
        surplus.update(leased_until=TransactionNow())  # theirs again, should a seat become free
    lease = Now() + timedelta(minutes=now.lease_minutes)
    Claim.objects.held().filter(task__queue=queue).update(leased_until=Least(F("leased_until"), lease))
    if now.order != before.order:
        jobs.enqueue("annotations.review.tasks.rank_queue", f"{queue.pk}:0", project=queue.project)
    after_change(now, before, other_reviewers="reviewers" in set_up)
    if now.random_tenth:
        jobs.wake("queued", queue.project_id)


def ensure_fits(project: Project, set_up: SetUp) -> None:
    """Raises Invalid for what no queue of `project` can be; looks only at what is given."""
    name, order, rule = set_up.get("name"), set_up.get("order"), set_up.get("assignment")
    reviewers = set_up.get("reviewers", ())
    ensure(name is None or name.strip(), Invalid("name is missing.", field="name"))
    ensure(len(name or "") <= 120, Invalid("name must be text of at most 120 characters.", field="name"))
    choices = [
        ("order", order, Queue.Order), ("assignment", rule, Queue.Assignment),
        ("approve_which", set_up.get("approve_which"), Queue.Which),
        ("approve_twice", set_up.get("approve_twice"), Queue.Twice),
    ]  # fmt: skip
    for field, chosen, known in choices:
        fits, names = chosen is None or chosen in known.values, ", ".join(known.values)
        ensure(fits, Invalid(f"{field} must be one of {names}.", field=field))
    bounds = {"overlap": OVERLAP, "lease_minutes": LEASE_MINUTES, "calibration_every": CALIBRATION_EVERY}
    for field, (low, high) in bounds.items():
        value: Any = set_up.get(field)
        fits = value is None or low <= value <= high
        ensure(fits, Invalid(f"{field} must be from {low} to {high}.", field=field))
    share = set_up.get("approve_share")
    fits = share is None or 0 <= share <= 1  # not a number fits nowhere
    ensure(fits, Invalid("approve_share must be from 0 to 1.", field="approve_share"))
    alone = set_up.get("approve_which") == Queue.Which.DISAGREEMENT and set_up.get("overlap") == 1
    ensure(
        not alone,
        Invalid("People disagree where several judge a task: set overlap to 2 or more.", field="approve_which"),
    )
    members = Membership.objects.filter(project=project, user__in=reviewers).count()
    ensure(members == len(set(reviewers)), Invalid("Only people of the project review in it.", field="reviewers"))


def _columns(set_up: SetUp) -> dict[str, Any]:
    columns: dict[str, Any] = {name: value for name, value in set_up.items() if name != "reviewers"}
    if "instructions" in columns:
        columns["instructions"] = stored_text(columns["instructions"])[0]
    return columns
