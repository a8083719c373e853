"""The process that looks after one run: starts the trainer, copies what it says into rows, registers what it made.

It may be killed at any moment. Another one then takes the next fence, ends what was left at work, and goes on from the
newest checkpoint; whatever the old one still tries to write is refused.
"""

import logging
import shutil
import signal
import time
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from labelhub import jobs
from labelhub.errors import Conflict, Refused, ensure
from labelhub.jobs.patience import patiently
from labelhub.states import move
from training.lm.adapter_files import WEIGHTS, read_manifest
from training.lm.contract import MANIFEST, read_metrics
from training.lm.contract import State as Said
from training.lm.files import Refused as KernelRefused
from training.lm.files import sha256_file
from training.lm.work import DISK_IS_FULL, in_words
from training.runs import store
from training.runs.folders import prepare, run_folder
from training.runs.leases import LostLease, adopt, announce, beat, hold
from training.runs.models import ModelVersion, RunMetric, TrainingRun
from training.runs.runners import Handle, Progress, Runner, configured_runner
from training.runs.vouching import breaches
from training.scope import next_number

logger = logging.getLogger(__name__)
State = TrainingRun.State
LOOK_S, BEAT_S = 0.2, 1.0
SCARCE = 1 << 16  # bytes free
MEASURES = ("loss", "eval_loss", "learning_rate", "grad_norm", "tokens_per_s", "elapsed_s")


def supervise_run(run: TrainingRun) -> None:
    """Carry `run`, taken under `run.fence`, to its end. Raises LostLease as soon as somebody else has it."""
    end_on_sigterm()
    runner = configured_runner()
    try:
        announce(run, run_folder(run))
        patiently(lambda: beat(run))
        folder = prepare(run)
        while not _one_attempt(run, runner, folder):
            logger.warning("%s: the trainer ended early in attempt %s", run, run.attempt)
    except (Refused, KernelRefused) as refusal:
        _end(run, State.FAILED, str(refusal))
    except OSError as error:
        _end(run, State.FAILED, in_words(error))


def end_on_sigterm() -> None:
    """SIGTERM unwinds, so that the trainer is asked to save and end before its supervisor does."""

    def leave(*_: object) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, leave)


def _one_attempt(run: TrainingRun, runner: Runner, folder: Path) -> bool:
    """Start the trainer and watch it to its end. False if it should be started again."""
    if run.cancel_asked_at:
        _end(run, State.CANCELLED)
        return True
    handle = runner.submit(folder, "run")
    try:
        progress = _watch(run, runner, handle)
        patiently(lambda: copy_metrics(run, folder))
        return _conclude(run, folder, progress)
    finally:
        runner.stop(handle)


def _watch(run: TrainingRun, runner: Runner, handle: Handle) -> Progress:
    """Beat and copy every second until the trainer has ended."""
    next_beat = 0.0
    while (progress := runner.poll(handle)).alive:
        if time.monotonic() >= next_beat:
            next_beat = time.monotonic() + BEAT_S
            patiently(lambda now=progress: _note(run, handle.folder, now))  # type: ignore[misc]
            if run.cancel_asked_at:
                runner.cancel(handle)
        time.sleep(LOOK_S)
    return runner.poll(handle)


def _note(run: TrainingRun, folder: Path, progress: Progress) -> None:
    """Beat, and write what the trainer said since; whoever is overtaken in between writes nothing more."""
    status = progress.status
    changes: dict[str, Any] = {}
    if status and status.state == Said.RUNNING:
        changes = {"step": status.step, "max_steps": status.max_steps}
    beat(run, **changes)
    with transaction.atomic():
        held = hold(run)
        if held.state == State.STARTING and held.step:
            move(held, to=State.RUNNING, training_at=Now())
        _copy(held, folder)
        held.refresh_from_db()
    adopt(run, held)  # not before the commit: where that fails, all of this is tried again with `run` as it was


@transaction.atomic
def copy_metrics(run: TrainingRun, folder: Path) -> None:
    """Rows of what was logged since; steps that a resume trained again are written over. Raises LostLease."""
    _copy(hold(run), folder)


def _copy(held: TrainingRun, folder: Path) -> None:
    since = held.metrics.order_by("-step").values_list("step", flat=True).first() or 0
    rows = [
        RunMetric(run=held, step=line["step"], **{name: line.get(name) for name in MEASURES})
        for line in read_metrics(folder, min(since, held.step - 1))
    ]
    by_step = {row.step: row for row in rows}
    RunMetric.objects.bulk_create(
        by_step.values(), update_conflicts=True, unique_fields=["run", "step"], update_fields=MEASURES
    )


def _conclude(run: TrainingRun, folder: Path, progress: Progress) -> bool:
    """Write how the attempt ended. False if the trainer died and may be started again."""
    if progress.state == Said.SUCCEEDED:
        patiently(lambda: register(run, folder))
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    elif progress.state == Said.CANCELLED:
        _end(run, State.CANCELLED)
    elif progress.state == Said.FAILED:
        _end(run, State.FAILED, progress.reason)
    elif run.attempt >= TrainingRun.MOST_ATTEMPTS:
        _end(run, State.FAILED, _why_dead(folder))
    else:
        patiently(lambda: beat(run, attempt=F("attempt") + 1))
        return False
    return True


def _why_dead(folder: Path) -> str:
    """What to do about a trainer that could not even write down why it ended."""
    if shutil.disk_usage(folder).free < SCARCE:
        return DISK_IS_FULL
    often = f"The trainer died {TrainingRun.MOST_ATTEMPTS} times. Its log says more; if it breaks off without a word, "
    return f"{often}the machine ran out of memory: choose a smaller batch or a smaller model."


@transaction.atomic
def register(run: TrainingRun, folder: Path) -> ModelVersion:
    """Make the version of a run that succeeded: exactly one, whoever was killed.

    Raises LostLease, Conflict unless its manifest vouches for this adapter, of the snapshot's rows and the run's base.
    """
    manifest = read_manifest(folder)
    files = store.put(folder / "adapter")
    held = hold(run)
    broken = next(breaches(held, folder, manifest, files), "")
    ensure(not broken, Conflict(f"Nothing was registered: {broken}."))
    version = ModelVersion.objects.create(
        project=held.project,
        number=next_number(ModelVersion.objects.all(), held.project),
        run=held,
        adapter_sha256=files[WEIGHTS],
        files=files,
        manifest_sha256=sha256_file(folder / MANIFEST),
    )
    steps = held.recipe["max_steps"]
    if held.state == State.STARTING:
        move(held, to=State.RUNNING, training_at=Now())
    move(held, to=State.SUCCEEDED, finished_at=Now(), step=steps, max_steps=steps)
    jobs.wake("registered", held.project)
    return version


def _end(run: TrainingRun, state: State, failure: str = "") -> None:
    def write() -> None:
        with transaction.atomic():
            move(hold(run), to=state, failure=failure, finished_at=Now())

    patiently(write)


__all__ = ["LostLease", "copy_metrics", "end_on_sigterm", "register", "supervise_run"]
