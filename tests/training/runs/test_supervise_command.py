"""`manage.py supervise`: takes what is under way and nobody looks after, under the fence that it was given."""

import pytest
from django.core.management import CommandError, call_command
from django.db.models.functions import Now

from tests.factories import make_project
from tests.training.makers import make_evaluation, make_run, make_version
from training.management.commands import supervise

pytestmark = pytest.mark.django_db


@pytest.fixture
def supervised(monkeypatch, settings, tmp_path):
    """The rows that were looked after, by nobody who does anything."""
    settings.DATA_DIR, found = tmp_path, []
    work = {kind: (found.append, rows) for kind, (_, rows) in supervise.WORK.items()}
    monkeypatch.setattr(supervise, "WORK", work)
    return found


def rows_in(state):
    project = make_project()
    return {
        "run": make_run(project, state=state),
        "evaluation": make_evaluation(make_version(project), state=state, held_out=(1, 0, 1), siblings=(1, 1, 1)),
    }


@pytest.mark.parametrize("kind", ["run", "evaluation"])
def test_what_waits_for_the_sweep_is_not_taken(kind, supervised):
    row = rows_in("queued")[kind]
    with pytest.raises(CommandError, match=f"no such {kind} under way"):
        call_command("supervise", row.pk, kind=kind)
    row.refresh_from_db()
    assert (row.state, row.fence, supervised) == ("queued", 0, [])


@pytest.mark.parametrize("kind", ["run", "evaluation"])
def test_what_is_under_way_is_taken_once(kind, supervised):
    row = rows_in("running")[kind]
    call_command("supervise", row.pk, kind=kind)
    with pytest.raises(CommandError, match="looks after it already"):
        call_command("supervise", row.pk, kind=kind)
    call_command("supervise", row.pk, kind=kind, fence=1)
    call_command("supervise", row.pk, kind=kind, fence=7)
    assert [(one.pk, one.fence) for one in supervised] == [(row.pk, 1)] * 2


def test_a_run_that_was_heard_of_is_left_alone(supervised):
    row = rows_in("running")["run"]
    type(row).objects.update(heartbeat_at=Now())
    with pytest.raises(CommandError, match="looks after it already"):
        call_command("supervise", row.pk)
    assert supervised == []
