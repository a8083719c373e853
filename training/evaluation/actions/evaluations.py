"""Asking for a comparison of a version with what it would replace, and seeing to it that somebody carries it out."""

import secrets

from django.db import IntegrityError, transaction

from labelhub import jobs
from labelhub.errors import Conflict
from labelhub.projects.models import Project
from training.evaluation.folders import evaluation_folder
from training.evaluation.models import Evaluation
from training.runs.leases import attend, is_unattended
from training.runs.models import ModelVersion

State = Evaluation.State


def evaluate(version: ModelVersion, *, baseline: ModelVersion | None) -> Evaluation:
    """Queue it. Raises Conflict while another evaluation of the version is under way."""
    try:
        with transaction.atomic():
            evaluation = Evaluation.objects.create(
                project=version.project,
                version=version,
                baseline=baseline,
                folder=f"{version.name}-{secrets.token_hex(4)}",
            )
            jobs.wake("evaluation_queued", version.project)
            return evaluation
    except IntegrityError as error:
        raise Conflict(f"{version} is being evaluated already.") from error


def sweep(project: Project | None = None) -> int:
    """Start a supervisor for every evaluation that has none. Returns how many."""
    rows = Evaluation.objects.unfinished() if project is None else Evaluation.objects.of(project).unfinished()
    found = [(row, evaluation_folder(row)) for row in rows.select_related("project")]
    return sum(attend("evaluation", *one, begun=State.RUNNING) for one in found if is_unattended(*one))
