"""Follow-ups: a new version is compared with the live one, a comparison is judged."""

import logging

from labelhub import jobs
from labelhub.errors import Conflict
from training.evaluation.models import Evaluation
from training.registry.actions import evaluate_against_live, report
from training.runs.models import ModelVersion

logger = logging.getLogger(__name__)


@jobs.follow_up("registered")
def evaluate_new_versions(project_id: int) -> bool:
    for version in ModelVersion.objects.filter(project=project_id, evaluations=None).order_by("pk"):
        try:
            evaluate_against_live(version, by=None)
        except Conflict as conflict:  # of this version: the next one may be comparable
            logger.warning("%s", conflict)
    return False


@jobs.follow_up("evaluated")
def judge_evaluations(project_id: int) -> bool:
    for evaluation in Evaluation.objects.succeeded().filter(project=project_id, gate_report=None).order_by("pk"):
        report(evaluation)
    return False
