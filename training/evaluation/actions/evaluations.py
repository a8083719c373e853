"""Asking for a comparison of a version with what it would replace, and seeing to it that somebody carries it out."""

import secrets

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from labelhub import jobs
from labelhub.errors import Conflict
from labelhub.projects.models import Project
from labelhub.states import move
from training.evaluation.folders import evaluation_folder
from training.evaluation.models import Evaluation
from training.runs.leases import MOST_SUPERVISORS, hold, is_unattended, spawn_supervisor, take
from training.runs.models import ModelVersion
from training.runs.runners import configured_runner

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
    found = [row for row in rows.select_related("project") if is_unattended(row, evaluation_folder(row))]
    return sum(_attend(row) for row in found)


def _attend(evaluation: Evaluation) -> bool:
    queued = evaluation.state == State.QUEUED
    first = {"state": State.RUNNING, "attempt": 1, "started_at": Now()} if queued else {}
    if not take(evaluation, **first):
        return False
    if evaluation.fence > MOST_SUPERVISORS:
        configured_runner().evict(evaluation_folder(evaluation))
        with transaction.atomic():
            why = f"Its supervisor died {MOST_SUPERVISORS} times. The log of the machine may say why."
            move(hold(evaluation), to=State.FAILED, failure=why, finished_at=Now())
        return False
    spawn_supervisor("evaluation", evaluation, evaluation_folder(evaluation))
    return True
