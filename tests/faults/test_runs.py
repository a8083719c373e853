"""SIGKILL of the supervisor and of the trainer at random moments: the run still ends as exactly one version."""

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

import pytest

from tests.faults.clean import breached, check_nothing_new
from tests.faults.runs import RECIPE, STUCK_S, carry_on, progress_of, start, supervisors, trainers
from tests.training.servers import adapters_folder, models, processes, server_url  # noqa: F401
from training.evaluation.models import CaseResult, Evaluation
from training.evaluation.supervisor import evaluation_folder
from training.runs.actions import cancel
from training.runs.folders import run_folder
from training.runs.models import ModelVersion, TrainingRun
from training.runs.runners.local import said
from training.runs.tasks import look_after_runs

pytestmark = [pytest.mark.usefixtures("processes"), pytest.mark.bar("loop-kills", "R11")]


def ends_well(run: TrainingRun, run_jobs: Callable[..., int]) -> None:
    """Never standing still for a minute, as one version with every step once, and no process left."""
    last = -1.0
    while run.is_active:
        carry_on(run_jobs, lambda last=last: progress_of(run) != last or not run.is_active, STUCK_S)
        last = progress_of(run)
    assert (run.state, run.failure) == ("succeeded", "")
    assert ModelVersion.objects.count() == 1
    steps = list(run.metrics.values_list("step", flat=True))
    assert steps == list(range(1, RECIPE.max_steps + 1))
    gone = lambda: not supervisors("run", run.pk) and not trainers(run_folder(run))  # noqa: E731
    carry_on(run_jobs, gone, 20)


def is_evaluated(run_jobs: Callable[..., int]) -> None:
    carry_on(run_jobs, lambda: Evaluation.objects.filter(state__in=["succeeded", "failed"]).exists(), STUCK_S * 2)
    assert ModelVersion.objects.count() == Evaluation.objects.count() == 1
    assert Evaluation.objects.get().state == "succeeded"
    assert CaseResult.objects.count() == 3


@pytest.mark.parametrize("victim", ["supervisor", "trainer"])
def test_a_run_survives_the_death_of_its(victim, run_jobs, count):
    chance = random.Random(f"{victim}-{os.environ.get('LABELHUB_SEED', '1')}")
    for n in range(count(3, 10)):
        run = start()
        known = breached()
        find = partial(supervisors, "run", run.pk) if victim == "supervisor" else partial(trainers, run_folder(run))
        step = 0 if n == 0 else chance.uniform(1, RECIPE.max_steps)
        carry_on(run_jobs, partial(has_come_to, run, step, find), STUCK_S)
        time.sleep(chance.uniform(0, 2))
        kill_all(find())
        ends_well(run, run_jobs)
        check_nothing_new(known)
        clean()


def kill_all(pids: list[int]) -> bool:
    """Whether one of them was still there."""
    found = False
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            found = True
    return found


def has_come_to(run: TrainingRun, step: float, find: Callable[[], list[int]]) -> bool:
    return bool(progress_of(run) >= step and find()) or not run.is_active


@pytest.mark.bar("R8")
def test_a_run_of_many_minutes_is_looked_after_by_one_supervisor_and_starts_once(run_jobs, count):
    """Ten minutes in `make verify`, while whoever looks for runs that nobody looks after never rests."""
    run = start(recipe=replace(RECIPE, max_steps=50_000, save_steps=500, eval_steps=50_000))
    carry_on(run_jobs, lambda: progress_of(run) >= 1, STUCK_S)
    looking_after, training = supervisors("run", run.pk), trainers(run_folder(run))
    until = time.monotonic() + count(10, 600)
    while time.monotonic() < until:
        look_after_runs(run.project_id)
        run_jobs()
        time.sleep(1)
        assert (supervisors("run", run.pk), trainers(run_folder(run))) == (looking_after, training)
    run.refresh_from_db()
    assert (run.state, run.attempt, run.fence, len(looking_after), len(training)) == ("running", 1, 1, 1, 1)
    cancel(run, by=run.launched_by)
    carry_on(run_jobs, lambda: progress_of(run) and not run.is_active, STUCK_S)
    assert run.state == "cancelled"
    carry_on(run_jobs, lambda: not supervisors("run", run.pk) and not trainers(run_folder(run)), 20)


def test_an_evaluation_survives_the_death_of_its_supervisor(run_jobs, count):
    chance = random.Random(f"evaluation-{os.environ.get('LABELHUB_SEED', '1')}")
    killed, rounds = 0, count(1, 10)
    for n in range(rounds):
        killed += survives_as_an_evaluation(run_jobs, pause_s=chance.uniform(0, 5) if n else 0)
        clean()
    assert killed >= (rounds + 1) // 2, "too few were still looked after when the moment came"


def survives_as_an_evaluation(run_jobs: Callable[..., int], *, pause_s: float) -> bool:
    """Whether a supervisor was still there to be killed after the pause."""
    run = start()
    known = breached()
    carry_on(run_jobs, lambda: Evaluation.objects.filter(state="running").exists(), STUCK_S * 2)
    evaluation = Evaluation.objects.get()
    find = lambda: supervisors("evaluation", evaluation.pk)  # noqa: E731
    carry_on(run_jobs, find, 30)
    time.sleep(pause_s)
    killed = kill_all(find())
    run.refresh_from_db()
    ends_well(run, run_jobs)
    is_evaluated(run_jobs)
    carry_on(run_jobs, lambda: not find() and not trainers(evaluation_folder(evaluation)), 20)
    check_nothing_new(known)
    return killed


def test_a_trainer_that_always_dies_fails_the_run_after_three_attempts(run_jobs):
    run = start()
    known = breached()

    def dead() -> bool:
        kill_all(trainers(run_folder(run)))
        return not progress_of(run) <= RECIPE.max_steps

    carry_on(run_jobs, dead, STUCK_S)
    run.refresh_from_db()
    assert run.state == "failed"
    assert "died 3 times" in run.failure
    assert not ModelVersion.objects.exists()
    assert said(run_folder(run)) is None or not trainers(run_folder(run))
    check_nothing_new(known)


def clean() -> None:
    """For the next round: a finished run is out of the way, and nothing is breached by what is not there."""
    CaseResult.objects.all().delete()
    Evaluation.objects.all().delete()
    ModelVersion.objects.all().delete()
    TrainingRun.objects.all().delete()
