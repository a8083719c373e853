"""Each invariant of Jobs finds the breach that is planted for it, and only that one does."""

import pytest

from labelhub import jobs
from labelhub.jobs.invariants import INVARIANTS, breaches
from labelhub.jobs.models import Job
from labelhub.jobs.tasks import run
from tests.factories import make_project
from tests.planting import Planting, again, update

pytestmark = pytest.mark.django_db
plant = Planting(INVARIANTS)
NOTHING = "tests.worlds.nothing"


@pytest.fixture
def world() -> dict[str, Job]:
    """A job of every state."""
    project = make_project()
    made = {state: jobs.enqueue(NOTHING, state, project=project) for state in ("done", "dead", "running", "queued")}
    jobs.wake("captured", project)
    run(made["done"].pk)
    update(made["running"], state="running", attempt=1, fence=1)
    Job.objects.filter(pk=made["running"].pk).update(heartbeat_at=made["running"].enqueued_at)
    Job.objects.filter(pk=made["running"].pk).update(started_at=made["running"].enqueued_at)
    Job.objects.filter(pk=made["dead"].pk).update(
        state="dead", attempt=3, fence=3, error="no", started_at=made["dead"].enqueued_at,
        finished_at=made["dead"].enqueued_at,
    )  # fmt: skip
    return {state: Job.objects.get(pk=job.pk) for state, job in made.items()}


@plant("a running job had a heartbeat within the last minute")
def _(world):
    update(world["running"], heartbeat_at="2026-01-01T00:00:00Z")


@plant("a job is started at most 3 times, deaths included")
def _(world):
    update(world["running"], attempt=4, fence=4)


@plant("a job's fence grew with each of its attempts")
def _(world):
    update(world["dead"], fence=2)


@plant("a job has an end exactly when it ended")
def _(world):
    update(world["done"], finished_at=None)


@plant("a job that runs, or ended by itself, was started")
def _(world):
    update(world["done"], started_at=None)


@plant("a dead job says why, and a done one has no error")
def _(world):
    update(world["dead"], error="")


@plant("a queued job has a bell that wakes a worker for it")
def _(world):
    update(world["queued"], bell=None)


@plant("a follow-up is queued once for a project")
def _(world):
    again(Job.objects.queued().follow_ups().first())


@pytest.mark.bar("doctor")
@pytest.mark.parametrize("name", plant.names)
def test_a_planted_breach_is_found_by_its_invariant_alone(world, name):
    plant.shows(name, world)


def test_a_follow_up_of_no_project_is_queued_once_too(world):
    from labelhub.jobs import canary

    canary.listen("default")
    assert list(breaches()) == []
    again(Job.objects.queued().get(path=canary.PATH))
    assert ["queued a second time" in sentence for sentence in breaches()] == [True]
