"""What review does by itself: who leaves holds nothing, and tasks get the rank that other rows tell."""

from annotations.review.actions.assignments import deal_what_is_open, take_from_strangers
from annotations.review.actions.claims import release_strangers
from annotations.review.actions.ranks import (
    rank_after_approvals,
    rank_after_labels,
    rank_queue_from,
    rank_unranked,
)
from annotations.review.actions.work import top_up
from annotations.review.models import Queue
from labelhub import jobs
from labelhub.projects.models import Project


@jobs.follow_up("left")
def release_what_they_held(project_id: int) -> bool:
    release_strangers(project_id)
    for queue in Queue.objects.filter(project=project_id):
        take_from_strangers(queue)
    jobs.wake("undealt", project_id)
    return False


@jobs.follow_up("undealt")
def deal_by_rule(project_id: int) -> bool:
    """All of a project's queues are asked, also when the first has more to deal."""
    queues = Queue.objects.filter(project=project_id).exclude(assignment=Queue.Assignment.PULL)
    more = [deal_what_is_open(queue) for queue in queues]
    return any(more)


@jobs.follow_up("queued")
def rank_what_is_new(project_id: int) -> bool:
    return rank_unranked(Project.objects.get(pk=project_id))


@jobs.follow_up("queued")
def draw_a_tenth(project_id: int) -> bool:
    for queue in Queue.objects.for_answers().filter(project=project_id, random_tenth=True).select_related("project"):
        top_up(queue)
    return False


@jobs.follow_up("approved")
def rank_what_is_less_novel(project_id: int) -> bool:
    rank_after_approvals(Project.objects.get(pk=project_id))
    return False


@jobs.follow_up("judged")
def rank_what_is_disputed(project_id: int) -> bool:
    rank_after_labels(Project.objects.get(pk=project_id))
    return False


def rank_queue(subject: str) -> str:
    """ "<queue id>:<task id>": the open tasks after that one, and a Job for those that are left."""
    pk, after = (int(number) for number in subject.split(":"))
    queue = Queue.objects.select_related("project").filter(pk=pk).first()
    last = rank_queue_from(queue, after) if queue else None
    with jobs.effects(last=True, result="done" if last is None else f"up to {last}"):
        if queue and last is not None:
            jobs.enqueue("annotations.review.tasks.rank_queue", f"{pk}:{last}", project=queue.project)
    return ""
