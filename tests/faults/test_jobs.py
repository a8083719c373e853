"""Whoever of the workers is killed, at whatever moment: each Job has one effect, and soon."""

import os
import random
import signal
import time
from collections.abc import Callable

import psutil
import pytest
from django.conf import settings
from django.db import connection

from labelhub import jobs
from labelhub.jobs import invariants
from labelhub.jobs.models import Cluster, Job
from tests.faults.clean import check_clean
from tests.faults.errands import TABLE
from tests.stack import Stack

ERRAND = "tests.faults.errands.write_after"
STUCK_S, ORPHAN_S = 60, 30
WORK_S = 1.5
pytestmark = pytest.mark.bar("R6", "R7", "3a-33", "3a-34", "3a-37")


@pytest.fixture(scope="module", autouse=True)
def table(bare_stack: Stack):
    with bare_stack.database(), connection.cursor() as cursor:
        cursor.execute(TABLE)


@pytest.fixture(autouse=True)
def clean_at_the_end(bare_stack: Stack):
    yield
    check_clean(bare_stack)


def parent(site: Stack, cluster: str) -> psutil.Process:
    return site.family(cluster)[0]


def sentinel(site: Stack, cluster: str) -> psutil.Process:
    return parent(site, cluster).children()[0]


def forked(site: Stack, cluster: str) -> list[psutil.Process]:
    """What the sentinel forked, in its order: the worker, the monitor, the pusher."""
    return sorted(sentinel(site, cluster).children(), key=lambda process: process.create_time())


def worker(site: Stack, cluster: str) -> psutil.Process:
    return forked(site, cluster)[0]


def monitor(site: Stack, cluster: str) -> psutil.Process:
    return forked(site, cluster)[1]


def pusher(site: Stack, cluster: str) -> psutil.Process:
    return forked(site, cluster)[2]


def settled(site: Stack, cluster: str) -> bool:
    return len(site.family(cluster)) == 5


def wait_until_settled(site: Stack) -> None:
    for cluster in Cluster.values:
        site.wait(lambda name=cluster: settled(site, name), seconds=STUCK_S, what=f"{cluster} runs")


def enqueue(site: Stack, cluster: str, seconds: float = WORK_S) -> int:
    with site.database():
        return jobs.enqueue(ERRAND, seconds, cluster=cluster).pk


def load(site: Stack, pk: int) -> Job:
    with site.database():
        return Job.objects.get(pk=pk)


def check_ends_once(site: Stack, pk: int, *, within_s: float = STUCK_S) -> Job:
    site.wait(lambda: load(site, pk).ended, seconds=within_s, what=f"job {pk} has ended")
    job = load(site, pk)
    with site.database(), connection.cursor() as cursor:
        cursor.execute("SELECT fence FROM errand_effect WHERE job = %s", [pk])
        effects = [fence for (fence,) in cursor.fetchall()]
        assert list(invariants.breaches()) == []
    assert (job.state, effects, job.result) == (Job.State.DONE, [job.fence], f"by claim {job.fence}")
    assert job.attempt <= Job.MAX_ATTEMPTS
    return job


def check_gone(site: Stack, family: list[psutil.Process]) -> None:
    def left() -> list[psutil.Process]:
        return [one for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]

    site.wait(lambda: not left(), seconds=ORPHAN_S, what=f"{family} are gone")


Victims = dict[str, Callable[[Stack, str], psutil.Process]]  # by cluster


def kill(site: Stack, victims: Victims, moment: random.Random, before_s: float) -> None:
    """Kill one process of each cluster, each after a pause of its own of up to `before_s` seconds."""
    began = time.monotonic()
    for pause, cluster in sorted((moment.uniform(0, before_s), cluster) for cluster in victims):
        time.sleep(max(0.0, pause - (time.monotonic() - began)))
        os.kill(victims[cluster](site, cluster).pid, signal.SIGKILL)


def rounds(number: int, one: Callable, other: Callable) -> list[tuple[random.Random, Victims]]:
    """So many moments, each with a victim in both clusters, in turn this way round and that."""
    found = []
    for turn in range(number):
        seed = f"{one.__name__} {other.__name__} {turn}"
        print(f"seed: {seed}")
        names = Cluster.values if turn % 2 else list(reversed(Cluster.values))
        found.append((random.Random(seed), dict(zip(names, (one, other), strict=True))))
    return found


def test_a_job_under_way_has_one_effect_when_its_worker_or_the_parent_is_killed(bare_stack: Stack, count):
    for moment, victims in rounds(count(3, 10), worker, parent):
        wait_until_settled(bare_stack)
        families = [one for cluster in Cluster.values for one in bare_stack.family(cluster)]
        under_way = [enqueue(bare_stack, cluster) for cluster in Cluster.values]
        waiting = [enqueue(bare_stack, cluster, 0) for cluster in Cluster.values]
        kill(bare_stack, victims, moment, WORK_S)
        check_gone(bare_stack, families)
        for pk in [*under_way, *waiting]:
            check_ends_once(bare_stack, pk)


@pytest.mark.bar("3a-33")
def test_a_job_whose_worker_was_killed_is_handed_out_once_more(bare_stack: Stack):
    wait_until_settled(bare_stack)
    pk = enqueue(bare_stack, "default")
    bare_stack.wait(lambda: load(bare_stack, pk).state == Job.State.RUNNING, seconds=STUCK_S, what="the job runs")
    worker(bare_stack, "default").kill()
    assert check_ends_once(bare_stack, pk).attempt == 2


@pytest.mark.parametrize(("one", "other", "times"), [(worker, sentinel, 3), (monitor, pusher, 1)])
def test_the_next_job_runs_when_an_idle_process_was_killed(bare_stack: Stack, one, other, times: int, count):
    for moment, victims in rounds(count(times, 10), one, other):
        wait_until_settled(bare_stack)
        families = [one for cluster in Cluster.values for one in bare_stack.family(cluster)]
        kill(bare_stack, victims, moment, 1.0)
        at_once = [enqueue(bare_stack, cluster, 0) for cluster in Cluster.values]
        check_gone(bare_stack, families)
        afterwards = [enqueue(bare_stack, cluster, 0) for cluster in Cluster.values]
        for pk in at_once:  # a worker that goes down with its cluster may have just begun
            assert check_ends_once(bare_stack, pk).attempt <= 2
        for pk in afterwards:
            assert check_ends_once(bare_stack, pk).attempt == 1


@pytest.mark.bar("3a-35")
def test_a_job_that_kills_its_worker_is_dead_after_three_attempts_and_the_queue_goes_on(bare_stack: Stack, count):
    wait_until_settled(bare_stack)
    deaths = count(1, 3)
    earlier = Job.MAX_ATTEMPTS - deaths
    with bare_stack.database():
        killer = jobs.enqueue("tests.faults.errands.kill_its_worker", cluster="training", delay_s=2).pk
        Job.objects.filter(pk=killer).update(attempt=earlier, fence=earlier)
    bare_stack.wait(lambda: load(bare_stack, killer).ended, seconds=deaths * STUCK_S, what="the killer is dead")
    job = load(bare_stack, killer)
    assert (job.state, job.attempt) == (Job.State.DEAD, 3)
    assert job.error == "The process that ran attempt 3 died."
    check_ends_once(bare_stack, enqueue(bare_stack, "training", 0))


@pytest.mark.bar("R7")
def test_a_cluster_that_hangs_is_ended_and_started_anew(bare_stack: Stack):
    wait_until_settled(bare_stack)
    family = bare_stack.family("default")
    worker(bare_stack, "default").suspend()
    check_ends_once(bare_stack, enqueue(bare_stack, "default", 0))
    check_gone(bare_stack, family)


@pytest.mark.bar("R8")
def test_jobs_that_wait_behind_long_ones_and_a_job_that_outlives_its_lease_start_once(bare_stack: Stack, count):
    """Four for one worker, each as long as its cluster nearly allows, and the longest that the other one allows."""
    wait_until_settled(bare_stack)
    one, four = count(3, 0.8 * settings.Q_CLUSTER["ALT_CLUSTERS"]["training"]["timeout"]), 4
    each = count(1, 0.8 * settings.Q_CLUSTER["timeout"])
    started = [enqueue(bare_stack, "training", one), *(enqueue(bare_stack, "default", each) for _ in range(four))]
    for pk in started:
        job = check_ends_once(bare_stack, pk, within_s=one + four * each + STUCK_S)
        assert (job.attempt, job.fence) == (1, 1)


@pytest.mark.bar("3a-37")
def test_no_process_is_left_when_up_is_killed(bare_stack: Stack):
    """Last in this file: afterwards the site is gone."""
    os.kill(bare_stack.process.pid, signal.SIGKILL)
    bare_stack.process.wait()
    bare_stack.wait(lambda: not bare_stack.processes(), seconds=ORPHAN_S, what="every process is gone")
