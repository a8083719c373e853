import subprocess
import sys
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import OrmQ, Schedule
from django_q.scheduler import scheduler

from labelhub import jobs
from labelhub.errors import Conflict, StaleState, Unavailable
from labelhub.jobs import canary, follow_ups, invariants, sweeper, tasks
from labelhub.jobs.claims import claim, finish
from labelhub.jobs.models import Job
from labelhub.projects.models import Project

pytestmark = pytest.mark.django_db
HERE = __name__
ran: list[Any] = []


@pytest.fixture(autouse=True)
def nothing_ran_yet():
    ran.clear()


@pytest.fixture
def project() -> Project:
    return Project.objects.create(slug="shop", name="Shop")


def note(subject: str) -> str:
    ran.append(subject)
    return f"noted {subject}"


def stumble(subject: str) -> None:
    raise ValueError("stumbled")


def refuse(subject: str) -> None:
    raise Conflict("There is another.")


def wait_for_model(subject: str) -> None:
    raise Unavailable("The model is away.")


def effect_then_slip(subject: str) -> None:
    with jobs.effects(last=True, result="written once"):
        Project.objects.create(slug=subject, name=subject)
    raise ValueError("after its effects")


def lose_it(subject: str) -> None:
    Job.objects.filter(pk=jobs.current().job.pk).update(fence=99)
    assert not jobs.still_mine()
    with jobs.effects():
        Project.objects.create(slug=subject, name=subject)


def pull(project_id: int) -> bool:
    ran.append(project_id)
    return len(ran) < 3


@pytest.fixture
def pulled(monkeypatch: pytest.MonkeyPatch) -> str:
    follow_ups.load_follow_ups()
    monkeypatch.setattr(follow_ups, "_declared", {})
    jobs.follow_up("captured")(pull)
    return f"{HERE}.pull"


def age(job: Job, **columns: int) -> None:
    """Move times of the Job into the past, by seconds."""
    with connection.cursor() as cursor:
        for column, seconds in columns.items():
            sql = f"UPDATE labelhub_job SET {column} = now() - make_interval(secs => %s) WHERE id = %s"
            cursor.execute(sql, [seconds, job.pk])


def due_now(job: Job) -> None:
    age(job, not_before=1)


def fresh(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


def test_a_job_and_its_bell_exist_only_if_the_caller_commits():
    with transaction.atomic():
        jobs.enqueue(f"{HERE}.note", 7)
        transaction.set_rollback(True)
    assert not Job.objects.exists()
    assert not OrmQ.objects.exists()


def test_a_job_runs_once_with_its_subject_and_keeps_its_result():
    job = jobs.enqueue(f"{HERE}.note", 7)
    tasks.run(job.pk)
    tasks.run(job.pk)  # a second delivery
    job = fresh(job)
    assert (ran, job.state, job.result, job.attempt) == (["7"], Job.State.DONE, "noted 7", 1)
    assert job.ended


def test_a_job_with_a_delay_is_neither_delivered_nor_claimed_early():
    job = jobs.enqueue(f"{HERE}.note", delay_s=60)
    assert OrmQ.objects.get().lock == job.not_before
    assert claim(job.pk) is None


def test_a_failing_job_is_dead_after_three_attempts_with_longer_pauses():
    job = jobs.enqueue(f"{HERE}.stumble")
    pauses = []
    for _ in range(3):
        due_now(job)
        tasks.run(job.pk)
        job = fresh(job)
        pauses.append(round((job.not_before - job.heartbeat_at).total_seconds()))
    assert (job.state, job.attempt) == (Job.State.DEAD, 3)
    assert pauses[:2] == [2, 8]
    assert "stumbled" in job.error


def test_a_refusal_of_the_domain_is_final_and_says_why():
    job = jobs.enqueue(f"{HERE}.refuse")
    tasks.run(job.pk)
    assert (fresh(job).state, fresh(job).error) == (Job.State.DEAD, "There is another.")


def test_waiting_for_a_service_that_is_down_uses_up_no_attempt():
    job = jobs.enqueue(f"{HERE}.wait_for_model")
    for _ in range(5):
        due_now(job)
        tasks.run(job.pk)
    assert (fresh(job).state, fresh(job).attempt) == (Job.State.QUEUED, 0)
    assert fresh(job).error == "The model is away."


def test_effects_that_end_the_job_stand_whatever_happens_after_them():
    job = jobs.enqueue(f"{HERE}.effect_then_slip", "once")
    tasks.run(job.pk)
    tasks.run(job.pk)
    assert Project.objects.filter(slug="once").count() == 1
    assert (fresh(job).state, fresh(job).result) == (Job.State.DONE, "written once")


def test_a_claim_that_was_lost_writes_nothing():
    job = jobs.enqueue(f"{HERE}.lose_it", "never")
    tasks.run(job.pk)
    assert not Project.objects.filter(slug="never").exists()
    assert fresh(job).state == Job.State.RUNNING  # it belongs to fence 99 now


def test_only_the_newest_fence_finishes():
    job = jobs.enqueue(f"{HERE}.note")
    old = claim(job.pk)
    age(job, heartbeat_at=30)
    sweeper.sweep()
    due_now(job)
    new = claim(job.pk)
    assert old.fence < new.fence
    assert not finish(old)
    assert finish(new)


def test_sweeping_gives_a_silent_job_three_lives_and_then_a_reason():
    job = jobs.enqueue(f"{HERE}.note")
    for _ in range(3):
        due_now(job)
        assert claim(job.pk)
        age(job, heartbeat_at=30)
        assert sweeper.sweep().lost == 1
    assert (fresh(job).state, fresh(job).attempt) == (Job.State.DEAD, 3)
    assert fresh(job).error == "The process that ran attempt 3 died."


def test_sweeping_leaves_a_job_with_a_heartbeat_alone():
    claim(jobs.enqueue(f"{HERE}.note").pk)
    assert sweeper.sweep() == sweeper.Swept(lost=0, rung=0)


def test_a_job_whose_bell_was_lost_or_fetched_in_vain_is_rung_again():
    lost, fetched, waiting = (jobs.enqueue(f"{HERE}.note", name) for name in ("lost", "fetched", "waiting"))
    for job in (lost, fetched, waiting):
        age(job, not_before=40, rung_at=40)
    OrmQ.objects.filter(pk=lost.bell).delete()
    OrmQ.objects.filter(pk=fetched.bell).update(lock=fetched.enqueued_at.replace(year=2999))
    assert sweeper.sweep().rung == 2
    assert fresh(lost).bell != lost.bell
    assert OrmQ.objects.get(pk=fetched.bell).lock.year != 2999
    assert fresh(waiting).bell == waiting.bell


def test_many_wakes_queue_one_follow_up_for_each_project(project: Project, pulled: str):
    other = Project.objects.create(slug="other", name="Other")
    for _ in range(3):
        jobs.wake("captured", project)
    jobs.wake("captured", other.pk)
    jobs.wake("an event that nobody follows", project)
    assert sorted(Job.objects.values_list("path", "project_id")) == [(pulled, project.pk), (pulled, other.pk)]


def test_a_follow_up_runs_until_it_says_that_nothing_is_left(project: Project, pulled: str, run_jobs):
    jobs.wake("captured", project)
    assert run_jobs() == 3
    assert ran == [project.pk] * 3


def test_a_wake_while_the_follow_up_runs_queues_it_once_more(project: Project, pulled: str):
    jobs.wake("captured", project)
    held = claim(Job.objects.get().pk)
    jobs.wake("captured", project)
    successor = Job.objects.queued().get()
    assert claim(successor.pk) is None  # never two at once
    finish(held)
    due_now(successor)
    assert claim(successor.pk)


def test_a_dead_follow_up_leaves_its_attempts_to_its_successor(project: Project, pulled: str):
    jobs.wake("captured", project)
    held = claim(Job.objects.get().pk)
    jobs.wake("captured", project)
    age(held.job, heartbeat_at=30)
    sweeper.sweep()
    assert fresh(held.job).state == Job.State.CANCELLED
    assert Job.objects.queued().get().attempt == 1
    assert list(invariants.breaches()) == []


def test_a_cancelled_job_never_runs_and_a_started_one_cannot_be_cancelled():
    job = jobs.enqueue(f"{HERE}.note")
    jobs.cancel(job)
    tasks.run(job.pk)
    assert ran == []
    started = claim(jobs.enqueue(f"{HERE}.note").pk)
    with pytest.raises(StaleState):
        jobs.cancel(started.job)


def test_the_canary_sings_in_each_cluster_and_asks_for_its_next_song():
    assert jobs.worker_alive("default") is None
    for cluster in ("default", "training"):
        canary.listen(cluster)
        canary.listen(cluster)
        tasks.run(Job.objects.queued().get(cluster=cluster).pk)
        assert jobs.worker_alive(cluster) < 5
        assert Job.objects.queued().filter(cluster=cluster, not_before__gt=Job.objects.first().enqueued_at).count() == 1


def test_a_job_of_an_unknown_path_dies_with_the_name_of_what_is_missing():
    job = jobs.enqueue("labelhub.nowhere.nothing")
    for _ in range(3):
        due_now(job)
        tasks.run(job.pk)
    assert "labelhub.nowhere" in fresh(job).error


@pytest.mark.django_db(transaction=True)
def test_a_long_job_keeps_its_heart_beating(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("labelhub.jobs.running.BEAT_S", 0.1)
    job = jobs.enqueue(f"{HERE}.sleep_and_watch_the_heart", "1")
    tasks.run(job.pk)
    assert fresh(job).state == Job.State.DONE


def sleep_and_watch_the_heart(seconds: str) -> None:
    job = jobs.current().job
    first = job.heartbeat_at
    time.sleep(float(seconds))
    assert (fresh(job).heartbeat_at - first).total_seconds() > 0.5


def test_every_follow_up_of_this_project_can_be_imported_without_torch():
    code = (
        "import django, sys; django.setup()\n"
        "from labelhub.jobs.follow_ups import load_follow_ups; load_follow_ups()\n"
        "heavy = {'torch', 'transformers', 'peft', 'trl'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.bar("3a-49")
@pytest.mark.django_db(transaction=True)
def test_schedules_that_were_missed_for_hours_run_once():
    sweeper.schedule()
    Schedule.objects.update(next_run=timezone.now() - timedelta(hours=6))
    for _ in range(3):
        scheduler(broker=get_broker())
    assert OrmQ.objects.count() == Schedule.objects.count() == 2
    assert not Schedule.objects.filter(next_run__lt=timezone.now()).exists()
