"""Asking for an evaluation, and who looks after it."""

import pytest

from labelhub.errors import Conflict
from tests.factories import make_project
from tests.training.makers import make_version
from training.evaluation.actions import evaluate, evaluations
from training.evaluation.folders import evaluation_folder
from training.evaluation.models import Evaluation
from training.runs import leases
from training.runs.leases import MOST_SUPERVISORS

pytestmark = pytest.mark.django_db


@pytest.fixture
def version(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    return make_version(make_project())


@pytest.fixture
def spawned(monkeypatch):
    found = []
    monkeypatch.setattr(leases, "spawn_supervisor", lambda kind, row, folder: found.append((kind, row.pk)))
    return found


def test_a_version_is_evaluated_once_at_a_time(version):
    evaluate(version, baseline=None)
    with pytest.raises(Conflict):
        evaluate(version, baseline=None)


def test_only_what_a_supervisor_has_taken_is_running(version, spawned):
    evaluation = evaluate(version, baseline=None)
    assert not Evaluation.objects.running().exists()
    assert evaluations.sweep() == 1
    assert Evaluation.objects.running().get() == evaluation
    assert spawned == [("evaluation", evaluation.pk)]


def test_one_that_is_given_up_leaves_no_kernel_at_work(version, spawned, monkeypatch):
    evicted = []

    class Runner:
        def evict(self, folder):
            evicted.append(folder)
            return True

    monkeypatch.setattr(leases, "configured_runner", Runner)
    evaluation = evaluate(version, baseline=None)
    Evaluation.objects.update(state="running", fence=MOST_SUPERVISORS)
    assert evaluations.sweep() == 0
    evaluation.refresh_from_db()
    assert (evaluation.state, spawned, evicted) == ("failed", [], [evaluation_folder(evaluation)])
