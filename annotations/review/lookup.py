"""Rows of a project as a person may see them: what is foreign is NotFound like what is unknown."""

from annotations.review.models import Claim, Label, Queue, ReviewTask, SpanComment
from labelhub.errors import NotFound
from labelhub.people.models import User
from labelhub.projects.models import Project


def queue_of(project: Project, user: User, slug: str) -> Queue:
    queue = Queue.objects.visible_to(user).filter(project=project, slug=slug).first()
    if queue is None:
        raise NotFound
    queue.project = project
    return queue


def task_of(project: Project, user: User, pk: int) -> ReviewTask:
    tasks = ReviewTask.objects.visible_to(user).filter(project=project, pk=pk)
    task = tasks.select_related("queue", "interaction", "project", "candidate").first()
    if task is None:
        raise NotFound
    task.queue.project = task.project
    return task


def claim_of(task: ReviewTask, user: User) -> Claim:
    claim = Claim.objects.filter(task=task, by=user).first()
    if claim is None:
        raise NotFound
    return claim


def label_of(project: Project, user: User, pk: int) -> Label:
    """One's own label, or any where one approves; also what is decided on."""
    label = Label.objects.visible_to(user).filter(project=project, pk=pk).with_evidence().with_threads().first()
    if label is None:
        raise NotFound
    return label


def comment_of(project: Project, user: User, pk: int) -> SpanComment:
    """A comment of a label that one may see."""
    comments = SpanComment.objects.filter(pk=pk, label__in=Label.objects.visible_to(user).filter(project=project))
    comment = comments.select_related("label").first()
    if comment is None:
        raise NotFound
    return comment
