"""Follow-ups: a new version is compared with the live one, a comparison is judged."""

from labelhub import jobs
from training.evaluation.models import Evaluation
from training.registry.actions import evaluate_against_live, report
from training.runs.models import ModelVersion


@jobs.follow_up("registered")
def evaluate_new_versions(project_id: int) -> bool:
    for version in ModelVersion.objects.filter(project=project_id, evaluations=None).order_by("pk"):
        evaluate_against_live(version)
    return False


@jobs.follow_up("evaluated")
def judge_evaluations(project_id: int) -> bool:
    for evaluation in Evaluation.objects.succeeded().filter(project=project_id, gate_report=None).order_by("pk"):
        report(evaluation)
    return False
