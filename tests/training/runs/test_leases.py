"""Who looks after a run: one at a time, by fence; a dead one is replaced at once, a silent one after a while."""

import os
from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models.functions import Now

from tests.factories import make_project
from tests.training.makers import make_run
from training.runs.folders import run_folder
from training.runs.leases import HOLDER, LostLease, announce, beat, hold, is_unattended, take
from training.runs.models import TrainingRun


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path


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
