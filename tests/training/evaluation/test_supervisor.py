"""A supervisor that is busy with many cases is heard of meanwhile."""

import time

import pytest

from tests.factories import make_project
from tests.training.makers import make_version
from training.evaluation import supervisor
from training.evaluation.models import Evaluation
from training.runs.leases import LostLease, take, unattended

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("models")]


@pytest.fixture
def evaluation(monkeypatch):
    monkeypatch.setattr(supervisor, "BEAT_S", 0.05)
    version = make_version(make_project())
    return Evaluation.objects.create(
        project=version.project, version=version, state="running", fence=1, heartbeat_at="2020-01-01T00:00:00Z"
    )


class Runner:
    """Of a kernel that ends when it is looked at."""

    def submit(self, folder, command):
        return folder

    def poll(self, handle):
        return supervisor.Progress(False, None)

    def stop(self, handle):
        pass


def until(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def attempt(evaluation, tmp_path):
    (tmp_path / "spec.json").touch()
    return supervisor._one_attempt(evaluation, Runner(), tmp_path)


def test_it_beats_while_it_compares_cases_with_rows(evaluation, tmp_path, monkeypatch):
    rows = Evaluation.objects.filter(pk=evaluation.pk)

    def slowly(*_):
        assert unattended(rows).exists()
        until(lambda: not unattended(rows).exists())
        rows.update(heartbeat_at="2020-01-01T00:00:00Z")
        until(lambda: not unattended(rows).exists())
        return {}

    monkeypatch.setattr(supervisor, "_where_cases_stand", slowly)
    assert attempt(evaluation, tmp_path) is False
    rows.update(heartbeat_at="2020-01-01T00:00:00Z")
    time.sleep(0.3)
    assert unattended(rows).exists()  # nobody beats once it is over


def test_one_that_was_overtaken_beats_no_more_and_writes_nothing(evaluation, tmp_path, monkeypatch):
    taken = []

    def slowly(*_):
        other = Evaluation.objects.get()
        taken.append(take(other))
        Evaluation.objects.update(heartbeat_at=None)
        time.sleep(0.3)
        return {}

    monkeypatch.setattr(supervisor, "_where_cases_stand", slowly)
    monkeypatch.setattr(Evaluation, "MOST_ATTEMPTS", 0)
    with pytest.raises(LostLease):
        attempt(evaluation, tmp_path)
    assert taken == [True]
    row = Evaluation.objects.get()
    assert (row.state, row.fence, row.heartbeat_at) == ("running", 2, None)


def test_waiting_for_an_encoder_that_is_away_is_heard_of_too(evaluation, tmp_path, monkeypatch):
    answers = [supervisor.Unavailable("away"), supervisor.Unavailable("away"), {}]

    def where(*_):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        until(lambda: Evaluation.objects.filter(heartbeat_at__gt="2021-01-01T00:00:00Z").exists())
        return answer

    monkeypatch.setattr(supervisor, "_where_cases_stand", where)
    assert attempt(evaluation, tmp_path) is False
    assert answers == []
