"""What waits for a person: over all projects, and in one. Counts only; every number leads to the list behind it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Exists, OuterRef
from django.urls import reverse

from annotations.review.models import Claim, Label, Queue, Return, ReviewTask
from annotations.triage.models import Flag
from labelhub.people.models import User
from labelhub.projects.models import Membership, Project
from labelhub.projects.rights import Right


@dataclass
class Wait:
    """A number that leads somewhere."""

    number: int
    name: str
    what: str
    href: str
    first: bool = False  # the one to begin with
    list_href: str = ""  # the same, as a list
    done: int = 0  # today


@dataclass
class Entry:
    """A project as its member sees it."""

    slug: str
    name: str
    role: str
    waits: list[Wait] = field(default_factory=list)


def entries(memberships: Iterable[Membership], user: User, done_today: Mapping[int, int] | None = None) -> list[Entry]:
    """In a fixed number of queries, however many projects and queues there are. done_today: labels by queue id."""
    memberships = list(memberships)
    projects = [membership.project_id for membership in memberships]
    queues = list(Queue.objects.visible_to(user).filter(project__in=projects).order_by("name"))
    open_tasks = counted(ReviewTask.objects.visible_to(user).open().not_done_with(user).served_to(user), "queue")
    labels = counted(Label.objects.for_approval_by(user).filter(project__in=projects), "project")
    flagged = counted(Flag.objects.visible_to(user).open(), "project", of="session")
    found = []
    for membership in memberships:
        entry = Entry(membership.project.slug, membership.project.name, membership.role)
        mine = [queue for queue in queues if queue.project_id == membership.project_id]
        entry.waits = [queue_wait(queue, entry.slug, open_tasks.get(queue.pk, 0)) for queue in mine]
        for queue, wait in zip(mine, entry.waits, strict=True):
            wait.done = (done_today or {}).get(queue.pk, 0)
        if membership.has(Right.TRIAGE):
            for queue, wait in zip(mine, entry.waits, strict=True):
                wait.list_href = reverse("review:tasks", args=[entry.slug, queue.slug])
        if membership.has(Right.APPROVE):
            entry.waits = moderating(membership, flagged, labels) + entry.waits
        for wait in [wait for wait in entry.waits if wait.number][:1]:
            wait.first = True
        found.append(entry)
    return found


def queue_wait(queue: Queue, slug: str, number: int) -> Wait:
    return Wait(number, queue.name, "answers to judge", reverse("review:desk", args=[slug, queue.slug]))


def moderating(membership: Membership, flagged: dict[int, int], labels: dict[int, int]) -> list[Wait]:
    pk, slug = membership.project_id, membership.project.slug
    return [
        Wait(flagged.get(pk, 0), "Triage", "flagged sessions", reverse("triage:board", args=[slug])),
        Wait(labels.get(pk, 0), "Approvals", "labels of others", reverse("review:approvals", args=[slug])),
    ]


def counted(rows: Any, by: str, *, of: str = "pk") -> dict[int, int]:
    """How many (distinct `of`) for each value of the foreign key `by`."""
    return dict(rows.order_by().values_list(by).annotate(n=Count(of, distinct=True)))


def returned_to(user: User, project: Project) -> Any:
    """Labels that were sent back to their author, who has not judged the task again."""
    done = Claim.objects.filter(task=OuterRef("task"), by=user, state=Claim.State.DONE)
    back = Label.objects.filter(project=project, author=user, task__state=ReviewTask.State.OPEN)
    back = back.filter(Exists(Return.objects.filter(label=OuterRef("pk")))).exclude(Exists(done))
    return back.select_related("task__interaction", "returned__by").order_by("-pk")[:20]
