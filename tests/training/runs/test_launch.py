"""Launching: one run at a time, once per token, by who may, for a reason; and taking it back."""

import threading

import pytest
from django.db import IntegrityError, connection

from labelhub.errors import Conflict, Invalid, NotAllowed, StaleState
from labelhub.jobs.models import Job
from labelhub.projects.rights import Role
from tests.factories import make_member, make_project
from tests.training.makers import make_run, make_snapshot, make_version
from training.lm.recipes import QUICK
from training.runs.actions import cancel, launch
from training.runs.models import TrainingRun


@pytest.fixture
def project():
    return make_project()


@pytest.fixture
def admin(project):
    return make_member(project, Role.ADMIN)


def start(project, admin, token="t1", **over):
    wanted = {"snapshot": make_snapshot(project), "recipe": QUICK, "by": admin, "reason": "try", "token": token}
    return launch(project, **{**wanted, **over})


@pytest.mark.django_db
def test_a_launch_queues_a_run_and_wakes_the_training_cluster(project, admin):
    run = start(project, admin)
    assert (run.number, run.state, run.max_steps) == (1, "queued", QUICK.max_steps)
    assert (
        Job.objects.filter(cluster="training", path="training.runs.tasks.look_after_runs", state="queued").count() == 1
    )


@pytest.mark.django_db
def test_the_same_token_launches_once(project, admin):
    assert start(project, admin) == start(project, admin)
    assert TrainingRun.objects.count() == 1


@pytest.mark.django_db
def test_a_second_run_is_refused_and_named_while_one_is_active(project, admin):
    start(project, admin)
    with pytest.raises(Conflict, match="Run 1 of this project is under way"):
        start(project, admin, token="t2")
    start(other := make_project(), make_member(other, Role.ADMIN), token="t2")


@pytest.mark.django_db
def test_a_launch_needs_the_right_a_reason_and_a_snapshot_that_fits(project, admin):
    with pytest.raises(NotAllowed):
        start(project, make_member(project, Role.MODERATOR))
    with pytest.raises(Invalid, match="why"):
        start(project, admin, reason=" ")
    with pytest.raises(Invalid, match="another project"):
        start(project, admin, snapshot=make_snapshot(make_project()))
    with pytest.raises(Invalid, match="max_length"):
        start(project, admin, snapshot=make_snapshot(project, parameters={"max_length": 4096}))


@pytest.mark.django_db
@pytest.mark.parametrize("seed", [-1, 2**32, True, "7"])
def test_a_seed_that_the_kernel_would_refuse_is_refused_at_the_launch(project, admin, seed):
    with pytest.raises(Invalid, match="seed must be a whole number from 0 to 4294967295"):
        start(project, admin, seed=seed)
    assert not TrainingRun.objects.exists()
    assert start(project, admin, seed=2**32 - 1).seed == 2**32 - 1


@pytest.mark.django_db
def test_what_the_database_refuses_is_called_a_conflict_only_while_another_run_is_active(project, admin, monkeypatch):
    ended = make_run(project)
    monkeypatch.setattr("training.runs.actions.next_number", lambda *_: ended.number)
    with pytest.raises(IntegrityError, match="run_number_is_unique"):
        start(project, admin)


@pytest.mark.django_db
def test_a_run_goes_on_only_from_a_version_of_the_base_that_is_set_now(project, admin):
    parent = make_version(project)
    TrainingRun.objects.filter(pk=parent.run.pk).update(base_sha256="0" * 64, base_model="other/base")
    parent.refresh_from_db()
    with pytest.raises(Conflict, match=r"Version 1 was trained on another base model .*other/base"):
        start(project, admin, parent=parent)
    assert TrainingRun.objects.active().count() == 0


@pytest.mark.django_db
def test_cancel_ends_what_waits_and_asks_what_runs(project, admin):
    waiting = start(project, admin)
    cancel(waiting, by=admin)
    assert waiting.state == "cancelled"
    running = make_run(project, state="running")
    cancel(running, by=admin)
    assert running.state == "running"
    assert running.cancel_asked_by == admin
    with pytest.raises(StaleState):
        cancel(waiting, by=admin)
    with pytest.raises(NotAllowed):
        cancel(running, by=make_member(project))


@pytest.mark.django_db(transaction=True)
@pytest.mark.bar("3a-39")
def test_of_two_admins_who_launch_at_once_the_second_sees_the_first(project):
    people = [make_member(project, Role.ADMIN) for _ in range(2)]
    snapshot = make_snapshot(project)
    gate, seen = threading.Barrier(2), []

    def click(person, token):
        gate.wait()
        try:
            seen.append(start(project, person, token, snapshot=snapshot))
        except Conflict as conflict:
            seen.append(conflict)
        finally:
            connection.close()

    threads = [threading.Thread(target=click, args=(person, str(n))) for n, person in enumerate(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(type(one).__name__ for one in seen) == ["Conflict", "TrainingRun"]
    assert TrainingRun.objects.count() == 1
