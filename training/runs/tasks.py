"""Follow-ups of a launch: somebody looks after every run, until it has ended."""

from labelhub import jobs
from labelhub.jobs.actions import queue_follow_up
from labelhub.jobs.follow_ups import FollowUp
from labelhub.jobs.models import Cluster
from labelhub.projects.models import Project
from training.runs.actions import sweep
from training.runs.models import TrainingRun

LOOK_AGAIN_S = 5
AGAIN = FollowUp("run_queued", "training.runs.tasks.look_after_runs", Cluster.TRAINING)


@jobs.follow_up("run_queued", cluster=Cluster.TRAINING)
def look_after_runs(project_id: int) -> bool:
    project = Project.objects.get(pk=project_id)
    sweep(project)
    if TrainingRun.objects.of(project).active().exists():
        queue_follow_up(AGAIN, project_id, delay_s=LOOK_AGAIN_S)
    return False
