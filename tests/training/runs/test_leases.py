"""Who looks after a run: one at a time, by fence; a dead one is replaced at once, a silent one after a while."""

import json
import os
import threading
import time
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from tests.factories import make_project
from tests.training.makers import make_run
from training.lm.contract import METRICS, Status
from training.lm.contract import State as Said
from training.runs import supervisor
from training.runs.folders import run_folder
from training.runs.leases import HOLDER, LostLease, announce, beat, hold, is_unattended, take
from training.runs.models import TrainingRun
from training.runs.runners import Progress

pytestmark = pytest.mark.usefixtures("own_folder")


@pytest.fixture
def run(db):
    return make_run(make_project(), state="running")


def silent_for(run, seconds):
    TrainingRun.objects.filter(pk=run.pk).update(heartbeat_at=Now() - timedelta(seconds=seconds))


def test_of_two_who_take_it_one_gets_it(run):
    twin = TrainingRun.objects.get(pk=run.pk)
    assert take(run)
    assert not take(twin)
    assert twin.fence == run.fence == 1


def test_who_lost_the_lease_writes_nothing(run):
    take(run)
    old = TrainingRun.objects.get(pk=run.pk)
    take(TrainingRun.objects.get(pk=run.pk))
    with pytest.raises(LostLease):
        beat(old, step=7)
    with pytest.raises(LostLease), transaction.atomic():
        hold(old)
    assert TrainingRun.objects.get().step == 0


def test_a_run_that_nobody_was_heard_of_is_unattended(run):
    assert is_unattended(run, run_folder(run))
    take(run)
    assert not is_unattended(run, run_folder(run))
    silent_for(run, 30)
    assert is_unattended(run, run_folder(run))


def test_a_supervisor_known_to_be_dead_is_replaced_at_once(run):
    take(run)
    announce(run, run_folder(run))
    assert is_unattended(run, run_folder(run)), "this test process is no supervisor"
    take(run)
    assert not is_unattended(run, run_folder(run)), "that note was of an earlier fence"


def test_a_note_of_another_machine_is_not_believed(run):
    take(run)
    run_folder(run).mkdir(parents=True)
    (run_folder(run) / HOLDER).write_text(f'{{"host": "elsewhere", "pid": {os.getpid()}, "fence": {run.fence}}}')
    assert not is_unattended(run, run_folder(run))


@pytest.mark.django_db(transaction=True)
class TestASupervisorThatSleepsBetweenItsWriteAndItsReading:
    """Somebody else takes the run as soon as that can be done. The one who slept must not go on under their fence."""

    @pytest.fixture
    def sleep_at_reading(self, monkeypatch):
        """sleep_at_reading(n): before this thread reads a run again for the n-th time."""
        read, main, threads, readings = TrainingRun.refresh_from_db, threading.get_ident(), [], []

        def take_it(pk):
            try:
                while not take(TrainingRun.objects.get(pk=pk)):
                    pass  # its state was another when it was read
            finally:
                connection.close()

        def at(n):
            def sleep_and_read(row, *args, **named):
                if threading.get_ident() == main:
                    readings.append(row)
                    if len(readings) == n:
                        threads.append(threading.Thread(target=take_it, args=(row.pk,)))
                        threads[0].start()
                        threads[0].join(1)
                read(row, *args, **named)

            monkeypatch.setattr(TrainingRun, "refresh_from_db", sleep_and_read)

        yield at
        threads[0].join(20)

    @pytest.fixture
    def run(self):
        return make_run(make_project(), state="starting")

    def check_lost(self, run, *, fence):
        until = time.monotonic() + 20  # the other one goes on as soon as this one's transaction has ended
        while TrainingRun.objects.get().fence == fence and time.monotonic() < until:
            time.sleep(0.05)
        assert (run.fence, TrainingRun.objects.get().fence) == (fence, fence + 1)
        with pytest.raises(LostLease):
            beat(run)

    def test_after_it_took_the_run(self, run, sleep_at_reading):
        sleep_at_reading(1)
        assert take(run)
        self.check_lost(run, fence=1)

    def test_after_a_beat(self, run, sleep_at_reading):
        take(run)
        sleep_at_reading(1)
        beat(run, step=2)
        assert run.step == 2
        self.check_lost(run, fence=1)

    def test_after_it_wrote_what_the_trainer_said(self, run, sleep_at_reading):
        take(run)
        run_folder(run).mkdir(parents=True)
        (run_folder(run) / METRICS).write_text(json.dumps({"step": 1, "loss": 2.0}) + "\n")
        sleep_at_reading(2)
        supervisor._note(run, run_folder(run), Progress(True, Status(Said.RUNNING, step=1, max_steps=4)))
        assert (run.state, run.step, bool(run.training_at)) == ("running", 1, True)
        self.check_lost(run, fence=1)
