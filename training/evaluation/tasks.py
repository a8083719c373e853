"""Follow-ups: suites grow with every approval; somebody looks after every evaluation until it has ended."""

from labelhub import jobs
from labelhub.jobs.actions import queue_follow_up
from labelhub.jobs.follow_ups import FollowUp
from labelhub.jobs.models import Cluster
from labelhub.projects.models import Project
from training.evaluation.actions.evaluations import sweep
from training.evaluation.actions.suites import grow
from training.evaluation.models import Evaluation

LOOK_AGAIN_S = 5
AGAIN = FollowUp("evaluation_queued", "training.evaluation.tasks.look_after_evaluations", Cluster.TRAINING)


@jobs.follow_up("approved")
def grow_suites(project_id: int) -> bool:
    grow(Project.objects.get(pk=project_id))
    return False


@jobs.follow_up("evaluation_queued", cluster=Cluster.TRAINING)
def look_after_evaluations(project_id: int) -> bool:
    project = Project.objects.get(pk=project_id)
    sweep(project)
    if Evaluation.objects.of(project).unfinished().exists():
        queue_follow_up(AGAIN, project_id, delay_s=LOOK_AGAIN_S)
    return False
