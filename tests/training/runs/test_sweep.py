"""Every run has a supervisor, until it has used up too many: then it ends, and with it whatever was left at work."""

import subprocess
import sys
import time

import pytest

from tests.factories import make_project
from tests.training.makers import make_run
from training.lm.contract import State as Said
from training.lm.contract import Status, write_status
from training.lm.files import write_json
from training.runs import actions, leases
from training.runs.folders import run_folder
from training.runs.leases import MOST_SUPERVISORS
from training.runs.models import TrainingRun
from training.runs.runners.local import LOCK, is_free

pytestmark = pytest.mark.django_db
# A process that looks like a kernel in a folder: it holds the folder's lock until it is asked to end.
KERNEL = "import fcntl, sys, time; lock = open(sys.argv[-1] + '/.lock', 'w'); fcntl.flock(lock, fcntl.LOCK_EX); time.sleep(60)"


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path


@pytest.fixture
def spawned(monkeypatch):
    found = []
    monkeypatch.setattr(leases, "spawn_supervisor", lambda kind, row, folder: found.append(row))
    return found


def test_a_run_that_nobody_looks_after_gets_a_supervisor_under_the_next_fence(spawned):
    run = make_run(make_project(), state="queued")
    assert actions.sweep(run.project) == 1
    assert [(one.pk, one.state, one.fence) for one in spawned] == [(run.pk, "starting", 1)]
    assert actions.sweep() == 0


def test_a_run_that_used_up_its_supervisors_fails_and_nothing_stays_at_work_in_its_folder(spawned):
    run = make_run(make_project(), state="running", fence=MOST_SUPERVISORS)
    folder = run_folder(run)
    folder.mkdir(parents=True)
    kernel = subprocess.Popen([sys.executable, "-c", KERNEL, "training.lm", "run", str(folder)])
    try:
        while not (folder / LOCK).exists() or is_free(folder):
            time.sleep(0.05)
        status = write_status(folder, Status(Said.RUNNING, step=1, max_steps=4))
        write_json(folder / "status.json", {**{f: getattr(status, f) for f in status.__slots__}, "pid": kernel.pid})
        assert actions.sweep(run.project) == 0
        assert kernel.wait(timeout=20) != 0
    finally:
        kernel.kill()
    assert spawned == []
    assert is_free(folder)
    failed = TrainingRun.objects.get()
    assert (failed.state, "supervisor died 10 times" in failed.failure) == ("failed", True)


def test_such_a_run_fails_also_where_its_folder_is_on_another_machine(spawned):
    run = make_run(make_project(), state="running", fence=MOST_SUPERVISORS)
    actions.sweep(run.project)
    assert TrainingRun.objects.get().state == "failed"
