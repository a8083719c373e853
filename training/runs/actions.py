"""Asking for a fine-tune, taking it back, and seeing to it that somebody looks after it."""

import secrets
from collections.abc import Callable

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from labelhub import jobs
from labelhub.errors import Conflict, Invalid, StaleState, ensure
from labelhub.people.models import User
from labelhub.projects.actions import ensure_right
from labelhub.projects.models import Project
from labelhub.projects.rights import Right
from labelhub.states import move
from training.datasets.base_model import base_sha256
from training.datasets.models import DatasetSnapshot
from training.lm.recipes import Recipe
from training.runs.bases import ensure_on_base
from training.runs.folders import run_folder
from training.runs.leases import attend, is_unattended
from training.runs.models import ModelVersion, TrainingRun
from training.scope import next_number

State = TrainingRun.State


def launch(
    project: Project,
    *,
    snapshot: DatasetSnapshot,
    recipe: Recipe,
    by: User,
    reason: str,
    token: str,
    seed: int = 0,
    parent: ModelVersion | None = None,
    ready: Callable[[], None] = lambda: None,
) -> TrainingRun:
    """Queue a fine-tune of the base on `snapshot`, or from `parent` on. The same `token` launches once.

    `ready` is asked last, and raises what stands in the way of a new run. Raises NotAllowed, Invalid, Unavailable (no
    base model), Conflict for a parent of another base, and while another run of the project is active.
    """
    _ensure_asked_well(project, by, reason, seed)
    ensure(1 <= len(token) <= 64, Invalid("token must have 1 to 64 characters."))
    _ensure_fit(project, snapshot, recipe, parent)
    earlier = _launched(project, token)
    if earlier:
        return earlier
    ensure_on_base(parent)
    ready()
    try:
        return _queue(project, snapshot, recipe, by, reason.strip(), token, seed, parent)
    except IntegrityError:
        twin = _launched(project, token)
        if twin:
            return twin
        _ensure_none_active(project)
        raise


def ensure_launchable(project: Project, *, by: User, reason: str, seed: int = 0) -> None:
    """What `launch` refuses of any snapshot, for those who make one first. Raises NotAllowed, Invalid, Conflict."""
    _ensure_asked_well(project, by, reason, seed)
    _ensure_none_active(project)


def _launched(project: Project, token: str) -> TrainingRun | None:
    run: TrainingRun | None = TrainingRun.objects.of(project).filter(token=token).first()
    return run


def _ensure_asked_well(project: Project, by: User, reason: str, seed: int) -> None:
    """Raises NotAllowed, Invalid."""
    ensure_right(by, project, Right.TRAIN)
    ensure(reason.strip(), Invalid("Say why this run is wanted.", field="reason"))
    ensure(len(reason.strip()) <= 300, Invalid("reason must be text of at most 300 characters.", field="reason"))
    whole = isinstance(seed, int) and not isinstance(seed, bool) and 0 <= seed < 2**32
    ensure(whole, Invalid("seed must be a whole number from 0 to 4294967295."))


def _ensure_none_active(project: Project) -> None:
    """Raises Conflict while a run of the project is under way."""
    if active := TrainingRun.objects.of(project).active().first():
        way = f"{active} of this project is under way. Wait for its end, or cancel it."
        raise Conflict(way, run=active.number)


def _ensure_fit(project: Project, snapshot: DatasetSnapshot, recipe: Recipe, parent: ModelVersion | None) -> None:
    """Raises Invalid for parts that make no run together."""
    ensure(snapshot.project_id == project.pk, Invalid("The snapshot belongs to another project."))
    ensure(parent is None or parent.project_id == project.pk, Invalid("The parent belongs to another project."))
    counted = snapshot.parameters.get("max_length", 0)
    fits = f"The snapshot's rows have up to {counted} tokens: the recipe's max_length must not be lower."
    ensure(recipe.max_length >= counted, Invalid(fits))


@transaction.atomic
def _queue(
    project: Project, snapshot: DatasetSnapshot, recipe: Recipe, by: User, reason: str, token: str, seed: int,
    parent: ModelVersion | None,
) -> TrainingRun:  # fmt: skip
    number = next_number(TrainingRun.objects.all(), project)
    run = TrainingRun.objects.create(
        project=project,
        number=number,
        snapshot=snapshot,
        recipe=recipe.to_json(),
        seed=seed,
        base_model=settings.LABELHUB_BASE_MODEL,
        base_sha256=base_sha256(),
        parent=parent,
        launched_by=by,
        reason=reason,
        token=token,
        folder=f"{project.slug}-run{number}-{secrets.token_hex(4)}",
        max_steps=recipe.max_steps,
    )
    jobs.wake("run_queued", project)
    return run


def cancel(run: TrainingRun, *, by: User) -> None:
    """Take `run` back: at once if nobody has started it, else at its next step. Raises NotAllowed, StaleState."""
    ensure_right(by, run.project, Right.TRAIN)
    asked = {"cancel_asked_at": Now(), "cancel_asked_by": by}
    try:
        ensure(run.state == State.QUEUED, StaleState("It has started."))
        move(run, to=State.CANCELLED, finished_at=Now(), **asked)
    except StaleState:
        told = TrainingRun.objects.active().filter(pk=run.pk).update(**asked)
        ensure(told, StaleState(f"{run} has ended before: nothing was cancelled."))
    run.refresh_from_db()


def sweep(project: Project | None = None) -> int:
    """Start a supervisor for every run that has none: new ones, and those whose supervisor died. Returns how many."""
    runs = TrainingRun.objects.active() if project is None else TrainingRun.objects.of(project).active()
    found = [(run, run_folder(run)) for run in runs.select_related("project")]
    return sum(attend("run", *one, begun=State.STARTING) for one in found if is_unattended(*one))
