"""Every run has a supervisor, until it has used up too many: then it ends, and with it whatever was left at work."""

import os
import signal
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
from training.runs.runners import local
from training.runs.runners.local import LOCK, LocalRunner, is_free

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_folder")]
# A process that looks like a kernel in a folder: it holds the folder's lock until it is asked to end.
KERNEL = "import fcntl, sys, time; lock = open(sys.argv[-1] + '/.lock', 'w'); fcntl.flock(lock, fcntl.LOCK_EX); time.sleep(60)"


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


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(local, "PATIENCE_S", 0.5)
    monkeypatch.setattr(local, "DYING_S", 1)


def used_up():
    run = make_run(make_project(), state="running", fence=MOST_SUPERVISORS)
    run_folder(run).mkdir(parents=True)
    return run


def say_who_works(folder, pid):
    status = write_status(folder, Status(Said.RUNNING, step=1, max_steps=4))
    write_json(folder / "status.json", {**{f: getattr(status, f) for f in status.__slots__}, "pid": pid})


@pytest.fixture
def at_work():
    """at_work(folder, *words): a process that holds the lock of `folder`, with these words on its command line."""
    started = []

    def start(folder, *words, code=KERNEL):
        process = subprocess.Popen([sys.executable, "-c", code, *words, str(folder)])
        started.append(process)
        until = time.monotonic() + 20
        while not (folder / LOCK).exists() or is_free(folder):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def failed():
    run = TrainingRun.objects.get()
    assert (run.state, "supervisor died 10 times" in run.failure) == ("failed", True)
    return run.failure


def test_a_run_that_used_up_its_supervisors_fails_and_nothing_stays_at_work_in_its_folder(spawned, at_work):
    run = used_up()
    kernel = at_work(run_folder(run), "training.lm", "run")
    say_who_works(run_folder(run), kernel.pid)
    assert actions.sweep(run.project) == 0
    assert kernel.wait(timeout=20) == -signal.SIGTERM
    assert spawned == []
    assert is_free(run_folder(run))
    assert "still at work" not in failed()


def test_a_kernel_that_does_not_end_when_it_is_asked_to_is_killed(spawned, at_work, impatient):
    run = used_up()
    kernel = at_work(
        run_folder(run), "training.lm", "run", code=f"import signal; signal.signal(15, signal.SIG_IGN); {KERNEL}"
    )
    say_who_works(run_folder(run), kernel.pid)
    actions.sweep(run.project)
    assert kernel.wait(timeout=20) == -signal.SIGKILL
    assert is_free(run_folder(run))
    failed()


def test_a_run_fails_also_where_something_stays_at_work_in_its_folder(spawned, at_work, impatient):
    run = used_up()
    stranger = at_work(run_folder(run), "something-else")
    actions.sweep(run.project)
    assert f"Something is still at work in {run_folder(run)}" in failed()
    assert stranger.poll() is None


def test_a_run_fails_also_where_its_folder_cannot_be_looked_at(spawned, monkeypatch):
    def no_entry(folder):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(local, "is_free", no_entry)
    run = used_up()
    actions.sweep(run.project)
    failed()


def test_a_kernel_that_ends_while_it_is_asked_to_has_ended(tmp_path, at_work, monkeypatch):
    kernel = at_work(tmp_path, "training.lm", "run")
    say_who_works(tmp_path, kernel.pid)
    kill = os.kill

    def too_late(pid, number):
        kill(pid, signal.SIGKILL)
        raise ProcessLookupError

    monkeypatch.setattr(os, "kill", too_late)
    assert LocalRunner().evict(tmp_path)


def test_no_kernel_is_started_beside_one_that_does_not_end(tmp_path, at_work, impatient, monkeypatch):
    at_work(tmp_path, "something-else")
    monkeypatch.setattr(subprocess, "Popen", None)
    with pytest.raises(OSError, match="at work in"):
        LocalRunner().submit(tmp_path, "run")


def test_such_a_run_fails_also_where_its_folder_is_on_another_machine(spawned):
    run = make_run(make_project(), state="running", fence=MOST_SUPERVISORS)
    actions.sweep(run.project)
    assert TrainingRun.objects.get().state == "failed"
