"""What a supervisor writes: only under its fence, only what was verified; a database that is away is waited for."""

import json

import pytest
from django.db import OperationalError
from django.db.models.functions import Now

from labelhub.errors import Conflict
from tests.factories import make_project
from tests.training.makers import make_run, write_adapter
from training.lm.adapter_files import write_manifest
from training.lm.contract import MANIFEST, METRICS, Status
from training.lm.contract import State as Said
from training.lm.files import sha256_file
from training.runs import supervisor
from training.runs.folders import prepare, run_folder
from training.runs.leases import LostLease, beat, take
from training.runs.models import ModelVersion, RunMetric, TrainingRun
from training.runs.runners import Handle, Progress

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_folder")]
TRAINS = Progress(True, Status(Said.RUNNING, step=2, max_steps=4))


@pytest.fixture
def run():
    run = make_run(make_project(), state="starting", attempt=1, started_at=Now())
    take(run)
    return run


@pytest.fixture
def folder(run):
    """As the trainer leaves it."""
    folder = prepare(run)
    write_adapter(folder / "adapter")
    write_manifest(folder)
    return folder


def log(run, *steps):
    run_folder(run).mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps({"step": step, "loss": 2.0}) + "\n" for step in steps)
    (run_folder(run) / METRICS).write_text(lines)


def now_held_by_another(run):
    other = TrainingRun.objects.get(pk=run.pk)
    assert take(other)
    return other


def test_the_first_step_makes_a_run_training_and_its_figures_rows(run):
    log(run, 1, 2)
    supervisor._note(run, run_folder(run), TRAINS)
    assert (run.state, run.step, run.max_steps) == ("running", 2, 4)
    assert run.training_at
    assert list(run.metrics.values_list("step", flat=True)) == [1, 2]


def test_a_supervisor_that_slept_after_its_beat_moves_nothing_of_the_one_who_took_over(run, monkeypatch):
    log(run, 1, 2)
    others = []

    def beat_and_sleep(row, **changes):
        beat(row, **changes)
        others.append(now_held_by_another(row))

    monkeypatch.setattr(supervisor, "beat", beat_and_sleep)
    with pytest.raises(LostLease):
        supervisor._note(run, run_folder(run), TRAINS)
    assert not RunMetric.objects.exists()
    (other,) = others
    beat(other)  # the second one goes on undisturbed
    assert other.state == "starting"


def test_who_lost_the_lease_copies_no_figures(run):
    log(run, 1)
    now_held_by_another(run)
    with pytest.raises(LostLease):
        supervisor.copy_metrics(run, run_folder(run))
    assert not RunMetric.objects.exists()


class Ends:
    """A runner whose trainer has ended when it is first looked at."""

    def submit(self, folder, command):
        return Handle(folder, command, 1)

    def poll(self, handle):
        return Progress(False, Status(Said.FAILED, reason="no"))

    def stop(self, handle):
        pass


def test_a_database_that_restarts_at_the_trainers_end_is_waited_for(run, monkeypatch):
    log(run, 1)
    real, tries = supervisor.read_metrics, []

    def away_at_first(*args):
        tries.append(args)
        if len(tries) == 1:
            raise OperationalError("the database system is shutting down")
        return real(*args)

    monkeypatch.setattr(supervisor, "read_metrics", away_at_first)
    monkeypatch.setattr("labelhub.jobs.patience.PAUSE_S", 0)
    monkeypatch.setattr("labelhub.jobs.patience.connection", _Kept())
    assert supervisor._one_attempt(run, Ends(), run_folder(run))
    assert len(tries) == 2
    assert TrainingRun.objects.get().failure == "no"


class _Kept:
    """The test's own transaction: patience would give up inside one."""

    in_atomic_block = False

    def close(self):
        pass


def test_a_run_that_ended_well_is_registered_with_what_its_manifest_vouches_for(run, folder):
    version = supervisor.register(run, folder)
    assert version.manifest_sha256 == sha256_file(folder / MANIFEST)
    assert TrainingRun.objects.get().state == "succeeded"


def refused(run, folder):
    with pytest.raises(Conflict) as conflict:
        supervisor.register(run, folder)
    assert not ModelVersion.objects.exists()
    return conflict.value.detail


def test_an_empty_manifest_vouches_for_nothing(run, folder):
    (folder / MANIFEST).write_text("")
    assert "the manifest vouches for" in refused(run, folder)


@pytest.mark.parametrize(
    "name", ["adapter/adapter_config.json", "adapter/adapter_model.safetensors", "train.jsonl", "spec.json"]
)
def test_a_manifest_that_leaves_out_a_file_is_not_believed(run, folder, name):
    lines = (folder / MANIFEST).read_text().splitlines(keepends=True)
    (folder / MANIFEST).write_text("".join(line for line in lines if not line.endswith(f"  {name}\n")))
    assert name.removeprefix("adapter/") in refused(run, folder)


def test_other_rows_than_the_snapshots_leave_no_version_though_their_manifest_agrees(run, folder):
    with (folder / "train.jsonl").open("a") as rows:
        rows.write("\n")
    write_manifest(folder)
    assert "train.jsonl" in refused(run, folder)


def test_another_base_than_the_runs_leaves_no_version(run, folder):
    TrainingRun.objects.update(base_sha256="0" * 64)
    run.refresh_from_db()
    assert "base" in refused(run, folder)
