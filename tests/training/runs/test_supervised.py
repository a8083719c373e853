"""A real run: launched, supervised in a process of its own, trained, registered, evaluated, judged."""

import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from safetensors.numpy import load_file, save_file

from labelhub.projects.rights import Role
from tests.factories import make_member, make_project
from tests.training.makers import make_case, make_snapshot, make_suite
from training.evaluation.models import CaseResult, Evaluation
from training.lm.adapter_files import WEIGHTS
from training.lm.files import sha256_file
from training.lm.recipes import QUICK
from training.registry.actions import latest_report
from training.runs import store
from training.runs.actions import cancel, launch
from training.runs.folders import run_folder
from training.runs.models import ModelVersion, TrainingRun

SHORT = replace(
    QUICK, name="short", max_steps=8, batch_size=4, warmup_steps=1, save_steps=2, eval_steps=4, max_length=128
)

pytestmark = [pytest.mark.usefixtures("processes")]


def until(condition, run_jobs, seconds: float = 120):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        run_jobs()
        if done := condition():
            return done
        time.sleep(0.3)
    raise AssertionError(f"not within {seconds} s: {TrainingRun.objects.values('state', 'failure', 'attempt', 'fence', 'step')}"
                         f" {Evaluation.objects.values('state', 'failure')}")  # fmt: skip


@pytest.fixture
def project():
    return make_project()


@pytest.fixture
def admin(project):
    return make_member(project, Role.ADMIN)


def start(project, admin, recipe=SHORT, rows=8) -> TrainingRun:
    snapshot = make_snapshot(project, rows=rows)
    return launch(project, snapshot=snapshot, recipe=recipe, by=admin, reason="try", token="t")


def test_a_run_ends_as_an_evaluated_and_judged_version(project, admin, run_jobs):
    suite = make_suite(project, "heldout")
    for n in range(3):
        make_case(suite, f"How heavy is thing number {n}?", "It weighs 2 kg.")
    run = start(project, admin)
    until(lambda: Evaluation.objects.filter(state__in=["succeeded", "failed"]).exists(), run_jobs)
    run_jobs()
    run.refresh_from_db()
    assert (run.state, run.failure, run.step) == ("succeeded", "", 8)
    assert run.started_at < run.finished_at
    assert list(run.metrics.values_list("step", flat=True)) == list(range(1, 9))
    assert all(metric.loss > 0 for metric in run.metrics.all())
    version = ModelVersion.objects.get()
    assert version.run == run
    place = store.verified(version)
    assert version.adapter_sha256 == sha256_file(place / WEIGHTS)
    assert not (Path(settings.DATA_DIR) / "runs" / run.folder / "checkpoints").exists()
    assert CaseResult.objects.filter(evaluation__version=version).count() == 3
    report = latest_report(version)
    assert report is not None
    assert not report.passed


def test_a_run_that_is_cancelled_while_it_trains_stops_and_leaves_no_version(project, admin, run_jobs):
    run = start(project, admin, recipe=replace(SHORT, max_steps=4_000))
    until(lambda: TrainingRun.objects.get().step > 0, run_jobs)
    cancel(run, by=admin)
    until(lambda: TrainingRun.objects.get().state == "cancelled", run_jobs, 40)
    assert not ModelVersion.objects.exists()


def test_rows_that_were_changed_after_the_snapshot_are_not_trained_on(project, admin, run_jobs):
    run = start(project, admin)
    run.snapshot.rows.filter(position=1).update(completion="Something else.")
    until(lambda: TrainingRun.objects.get().state == "failed", run_jobs, 60)
    assert "changed after it was made" in TrainingRun.objects.get().failure


def test_what_the_kernel_refuses_fails_at_once_with_its_reason(project, admin, run_jobs):
    start(project, admin, rows=1)
    until(lambda: TrainingRun.objects.get().state == "failed", run_jobs, 60)
    failed = TrainingRun.objects.get()
    assert "two are needed" in failed.failure
    assert failed.attempt == 1


@pytest.mark.bar("R12")
def test_a_loss_that_is_no_number_fails_the_run_at_once_and_nothing_is_registered(
    project, admin, run_jobs, settings, monkeypatch, tmp_path
):
    """On a base whose weights are none."""
    base = shutil.copytree(settings.LABELHUB_BASE_MODEL, tmp_path / "base")
    weights = load_file(base / "model.safetensors")
    save_file({name: tensor * np.float32("nan") for name, tensor in weights.items()}, base / "model.safetensors",
              metadata={"format": "pt"})  # fmt: skip
    settings.LABELHUB_BASE_MODEL = str(base)
    monkeypatch.setenv("LABELHUB_BASE_MODEL", str(base))
    run = start(project, admin)
    until(lambda: not TrainingRun.objects.active().exists(), run_jobs, 60)
    run.refresh_from_db()
    assert (run.state, run.attempt) == ("failed", 1)
    assert "step 1: the loss became nan; its batch was" in run.failure
    assert not ModelVersion.objects.exists()
    assert not (run_folder(run) / "adapter").exists()
