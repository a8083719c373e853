"""Wakes and claims that meet, on real connections."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction
from django_q.models import Schedule

from labelhub import jobs
from labelhub.jobs import follow_ups, sweeper
from labelhub.jobs.claims import claim
from labelhub.jobs.models import Job
from labelhub.projects.models import Project

pytestmark = pytest.mark.django_db(transaction=True)


def pull(project_id: int) -> bool:
    return False


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch) -> Project:
    follow_ups.load_follow_ups()
    monkeypatch.setattr(follow_ups, "_declared", {})
    jobs.follow_up("captured")(pull)
    return Project.objects.create(slug="shop", name="Shop")


def together(function, number: int) -> list:
    """Call `function(i)` in so many threads at once, each with a connection of its own."""
    start = threading.Barrier(number)

    def call(index: int):
        try:
            start.wait()
            return function(index)
        finally:
            connection.close()

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(call, range(number)))


def test_of_many_claims_at_once_one_wins():
    job = jobs.enqueue(f"{__name__}.pull")
    winners = [held for held in together(lambda _: claim(job.pk), 8) if held]
    assert len(winners) == 1
    assert Job.objects.get().attempt == 1


def test_many_wakes_at_once_queue_one_job(project: Project):
    together(lambda _: jobs.wake("captured", project), 8)
    assert Job.objects.queued().count() == 1


def test_a_job_is_not_claimed_before_everybody_who_woke_it_has_committed(project: Project):
    jobs.wake("captured", project)
    job = Job.objects.get()
    woken, look = threading.Event(), threading.Event()

    def write_and_wake() -> None:
        with transaction.atomic():
            jobs.wake("captured", project)
            woken.set()
            look.wait(20)
        connection.close()

    thread = threading.Thread(target=write_and_wake)
    thread.start()
    woken.wait(20)
    assert claim(job.pk) is None
    look.set()
    thread.join()
    job.refresh_from_db()
    assert job.state == Job.State.QUEUED
    Job.objects.filter(pk=job.pk).update(not_before=job.enqueued_at)
    assert claim(job.pk)


def test_a_wake_after_the_claim_is_a_new_job(project: Project):
    jobs.wake("captured", project)
    assert claim(Job.objects.get().pk)
    jobs.wake("captured", project)
    assert Job.objects.queued().count() == 1


def test_clusters_that_start_at_once_schedule_the_sweeper_once():
    together(lambda _: sweeper.schedule(), 4)
    assert sorted(Schedule.objects.values_list("name", flat=True)) == ["labelhub sweep", "labelhub wake_everybody"]
