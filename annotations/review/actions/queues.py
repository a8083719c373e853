"""Queues and what is put into them by hand or by lot."""

from collections.abc import Iterable

from django.core.validators import slug_re
from django.db.models import Exists, OuterRef

from annotations.capture.models import Interaction
from annotations.review.models import Queue, ReviewTask
from labelhub.errors import Invalid, ensure
from labelhub.people.models import User
from labelhub.projects.actions import ensure_right
from labelhub.projects.models import Project
from labelhub.projects.rights import Right


def create_queue(
    project: Project, *, slug: str, name: str, by: User, instructions: str = "", overlap: int = 1
) -> Queue:
    """Raises NotAllowed, Invalid when the slug is taken or cannot stand in an address."""
    ensure_right(by, project, Right.CURATE)
    fits = bool(slug_re.match(slug)) and len(slug) <= 60
    ensure(fits, Invalid("slug must be at most 60 letters, digits, hyphens or underscores.", field="slug"))
    ensure(0 < len(name) <= 120, Invalid("name must be text of at most 120 characters.", field="name"))
    ensure(
        not Queue.objects.filter(project=project, slug=slug).exists(), Invalid(f"There is a queue {slug!r} already.")
    )
    return Queue.objects.create(project=project, slug=slug, name=name, instructions=instructions, overlap=overlap)


def add_tasks(
    queue: Queue, interactions: Iterable[Interaction], *, by: User | None, reason: str, priority: int = 0,
    random_slice: bool = False,
) -> int:  # fmt: skip
    """Put interactions of the queue's project up for judging; those in the queue stay as they are. How many are new."""
    rows = [
        ReviewTask(
            project_id=queue.project_id, queue=queue, interaction=interaction, reason=reason[:300], priority=priority,
            random_slice=random_slice, routed_by=by,
        )
        for interaction in interactions
    ]  # fmt: skip
    before = ReviewTask.objects.filter(queue=queue).count()
    ReviewTask.objects.bulk_create(rows, ignore_conflicts=True)
    return ReviewTask.objects.filter(queue=queue).count() - before


def draw_at_random(queue: Queue, *, by: User, number: int) -> int:
    """A random slice of what was captured and is in no queue yet: it keeps the figures unbiased."""
    ensure_right(by, queue.project, Right.TRIAGE)
    ensure(1 <= number <= 10_000, Invalid("Draw between 1 and 10,000."))
    tasked = ReviewTask.objects.filter(interaction=OuterRef("pk"))
    drawn = Interaction.objects.filter(project=queue.project).exclude(Exists(tasked)).order_by("?")[:number]
    return add_tasks(queue, drawn, by=by, reason="random audit", random_slice=True)
