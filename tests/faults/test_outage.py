"""The database goes away under load, in every way, and comes back; web processes are killed meanwhile.

Nothing acknowledged is lost or stored twice, nobody waits long, and everything goes on without a person.
"""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from annotations.capture.models import Interaction
from labelhub import embedded, jobs
from labelhub.embedded import Home
from labelhub.jobs.models import Job
from labelhub.keys.models import Scope
from labelhub.projects.models import Project
from labelhub.projects.rights import Role
from tests.factories import make_key, make_member, make_project
from tests.faults.clean import check_clean
from tests.faults.clusters import WAYS, break_off, own_cluster, url_without_revival
from tests.faults.errands import TABLE
from tests.faults.load import BATCH, Answer, Load
from tests.stack import Stack, running_stack

pytestmark = pytest.mark.alone
REFUSED_WITHIN_S, HANGS_S = 2.0, 3.0  # what is meant, and what nobody may see, also on a busy machine
PEOPLE_BACK_S, JOBS_BACK_S = 5.0, 15.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[Home]:
    with own_cluster() as place:
        yield place


@pytest.fixture(scope="module")
def site(cluster: Home, django_db_blocker: Any) -> Iterator[Stack]:
    """Its database comes back when the test says so, not before."""
    url = url_without_revival(cluster)
    with django_db_blocker.unblock(), running_stack(inference=False, database_url=url) as stack:
        with stack.database(), connection.cursor() as cursor:
            cursor.execute(TABLE)
        yield stack


@pytest.fixture(scope="module")
def project(site: Stack) -> Project:
    with site.database():
        return make_project()


@pytest.fixture(autouse=True)
def clean_at_the_end(site: Stack) -> Iterator[None]:
    yield
    check_clean(site)


@pytest.fixture
def load(site: Stack, project: Project) -> Load:
    with site.database():
        key = {"Authorization": f"Bearer {make_key(project, Scope.INGEST, Scope.READ, Scope.FEEDBACK)}"}
        person = Client()
        person.force_login(make_member(project, Role.ADMIN))
        name = settings.SESSION_COOKIE_NAME
        cookie = {"Cookie": f"{name}={person.cookies[name].value}"}
    interactions = f"{site.web}/api/v1/interactions/"
    first = httpx.post(interactions, headers=key, json={
        "external_id": f"seen-{time.time()}", "output": "Yes.", "messages": [{"role": "user", "content": "Is it there?"}],
    }).json()["id"]  # fmt: skip
    read = [
        ("read", f"/api/v1/interactions/{first}/", key),
        ("page", f"/p/{project.slug}/", cookie),
        ("ready", "/health/ready", {}),
    ]
    return Load(site.web, key, read)


def refused_as_promised(answers: list[Answer]) -> None:
    """Only 2xx, or 503 with a time to come back; soon."""
    odd = [a for a in answers if not (a.status == "ok" or (a.code == 503 and a.retry_after))]
    assert odd == []
    assert [a for a in answers if a.took > HANGS_S] == []
    refusals = [a.took for a in answers if a.code == 503]
    assert sum(took > REFUSED_WITHIN_S for took in refusals) <= len(refusals) / 100


def back_after(load: Load, moment: float, op: str) -> float:
    """Seconds from `moment` until this kind of question was answered, and from then on always."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if any(a.status == "ok" for a in load.since(moment, op)):
            time.sleep(0.5)
            refused = [a.t for a in load.since(moment, op) if a.status != "ok"]
            return max(0.0, max(refused, default=moment) - moment)
        time.sleep(0.05)
    raise AssertionError(f"{op} is not answered 30 s after the database was back")


def ended_once(site: Stack, pk: int, seconds: float) -> Job:
    with site.database():
        load_job = lambda: Job.objects.get(pk=pk)  # noqa: E731
        site.wait(lambda: load_job().ended, seconds=seconds, what=f"job {pk} has ended")
        job = load_job()
        with connection.cursor() as cursor:
            cursor.execute("SELECT fence FROM errand_effect WHERE job = %s", [pk])
            assert [fence for (fence,) in cursor.fetchall()] == [job.fence]
    assert job.state == Job.State.DONE
    assert job.attempt <= Job.MAX_ATTEMPTS
    return job


def enqueue(site: Stack, seconds: float) -> int:
    with site.database():
        return jobs.enqueue("tests.faults.errands.write_after", seconds).pk


def is_running(site: Stack, pk: int) -> bool:
    with site.database():
        return Job.objects.running().filter(pk=pk).exists()


def check_history(site: Stack, project: Project, load: Load) -> None:
    """Stored is all that was acknowledged, once and as sent, and nothing that was never sent."""
    acked = {f"{key}-{n}" for key in load.acked() for n in range(BATCH)}
    sent = {f"{a.key}-{n}" for a in load.answers if a.op == "write" for n in range(BATCH)}
    with site.database():
        rows = Interaction.objects.filter(project=project, external_id__startswith=load.mark)
        stored = list(rows.values_list("external_id", "prompt", "output"))
    times = Counter(external_id for external_id, _, _ in stored)
    verdict = {
        "lost": sorted(acked - times.keys()),
        "duplicated": sorted(key for key, number in times.items() if number > 1),
        "unexpected": sorted(times.keys() - sent),
        "changed": [key for key, *text in stored if text != [f"Question {key}?", f"Answer to {key}."]],
    }
    assert {name: keys[:5] for name, keys in verdict.items() if keys} == {}


def check_gateway_refuses(site: Stack, load: Load) -> None:
    """It has no pool: each question tries to connect."""
    question = {"model": "base", "messages": [{"role": "user", "content": "Hello"}]}
    with httpx.Client(base_url=site.gateway, headers=load.headers, trust_env=False) as client:
        for response in (client.get("/v1/models"), client.post("/v1/chat/completions", json=question)):
            assert (response.status_code, response.headers.get("Retry-After")) == (503, "2")
            assert response.elapsed.total_seconds() <= REFUSED_WITHIN_S


@pytest.mark.bar("R9", "3a-38")
@pytest.mark.parametrize("way", WAYS)
def test_a_database_that_goes_away_is_a_short_503_and_everything_is_back_soon_after_it(
    cluster: Home, site: Stack, project: Project, load: Load, way: str, count
):
    for outage_s in count([2.5], [0.5, 3.0, 8.0, 20.0]):
        with load.running():
            time.sleep(1)
            job = enqueue(site, 1.5)
            site.wait(lambda job=job: is_running(site, job), seconds=30, what="the job runs")
            down = time.monotonic()
            break_off(cluster, way)
            check_gateway_refuses(site, load)
            time.sleep(max(0.0, outage_s - (time.monotonic() - down)))  # the job ends meanwhile
            embedded.start(cluster)
            up = time.monotonic()
            jobs_back = up + JOBS_BACK_S
            next_job = enqueue(site, 0)
            late = {op: back_after(load, up, op) for op in ("write", "read", "page", "ready")}
            for pk in (job, next_job):
                ended_once(site, pk, jobs_back - time.monotonic())
            print(f"{way}, away {up - down:.1f} s; back after {late}; "
                  f"longest {max(a.took for a in load.since(down)):.2f} s")  # fmt: skip
        assert max(late.values()) <= PEOPLE_BACK_S
        refused_as_promised(load.answers)
        load.ending.clear()
    check_history(site, project, load)


def web_worker(site: Stack) -> psutil.Process:
    return random.choice(site.family("web")[1:])


def web_master(site: Stack) -> psutil.Process:
    return site.family("web")[0]


@pytest.mark.bar("R1", "R9")
def test_nothing_acknowledged_is_lost_or_stored_twice_whoever_is_killed(
    cluster: Home, site: Stack, project: Project, load: Load, tmp_path: Path, count
):
    seed = os.environ.get("LABELHUB_SEED", "1")
    chance = random.Random(f"acked {seed}")
    enough = count(1_000, 20_000)
    with load.running(writers=4, readers=1):
        for turn in range(count(3, 15)):
            time.sleep(chance.uniform(1, 3))
            match turn % 3:
                case 0:
                    break_off(cluster, WAYS[turn // 3 % len(WAYS)])
                    time.sleep(chance.uniform(0, 1))
                    embedded.start(cluster)
                case 1:
                    site.wait(lambda: len(site.family("web")) > 2, seconds=20, what="web runs")
                    web_worker(site).kill()
                case _:
                    web_master(site).kill()
        began = time.monotonic()
        until = began + 300
        while len(load.acked()) * BATCH < enough or not any(a.status == "ok" for a in load.since(began, "write")):
            assert time.monotonic() < until, f"only {len(load.acked()) * BATCH} were acknowledged"
            time.sleep(0.2)
    history = load.write_history(tmp_path / "history.jsonl")
    codes = Counter(a.code for a in load.answers)
    print(
        f"seed {seed}; {len(load.acked()) * BATCH} acknowledged; codes {dict(codes)}; {history}; load {os.getloadavg()}"
    )
    assert set(codes) <= {0, 200, 207, 503}
    check_history(site, project, load)


@pytest.fixture
def stuck(cluster: Home) -> Iterator["psycopg.Connection[Any]"]:
    """While the transaction of this connection lasts, whoever writes feedback waits for a lock."""
    with psycopg.connect(cluster.server_url, host=str(cluster.sockets)) as holder:
        holder.execute("LOCK TABLE annotations_feedback IN SHARE ROW EXCLUSIVE MODE")
        yield holder
        holder.rollback()


def sign(number: int) -> dict[str, Any]:
    return {"external_id": f"sign-{number}-{time.monotonic_ns()}", "interaction": "later", "kind": "thumb", "value": 1}


@pytest.mark.bar("R10")
@pytest.mark.parametrize("blocked", [8, 64], ids=["some are stuck", "all are stuck"])
def test_64_clients_on_a_pool_whose_connections_are_stuck_are_refused_soon_and_health_answers(
    site: Stack, load: Load, stuck: "psycopg.Connection[Any]", blocked: int, count
):
    answers: list[tuple[str, int, float, str | None]] = []
    ending = threading.Event()

    def call(number: int) -> None:
        kind = "health" if number >= 64 else "stuck" if number < blocked else "free"
        with httpx.Client(base_url=site.web, headers=load.headers, timeout=30, trust_env=False) as client:
            while not ending.is_set():
                began = time.monotonic()
                if kind == "stuck":
                    response = client.post("/api/v1/feedback/", json=sign(number))
                else:
                    response = client.get("/health/live" if kind == "health" else load.read[0][1])
                answers.append(
                    (kind, response.status_code, time.monotonic() - began, response.headers.get("Retry-After"))
                )
                ending.wait(0.2)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(65)]
    for thread in threads:
        thread.start()
    time.sleep(count(3, 15))
    ending.set()
    for thread in threads:
        thread.join()
    longest = {kind: max(took for k, _, took, _ in answers if k == kind) for kind, *_ in answers}
    print(f"longest {longest}; {Counter((kind, code) for kind, code, *_ in answers)}")
    assert {code for kind, code, *_ in answers if kind == "health"} == {200}
    assert {(code, after) for kind, code, _, after in answers if kind == "stuck"} == {(503, "2")}
    assert {(code, after) for kind, code, _, after in answers if kind == "free"} <= {(200, None), (503, "2")}
    assert max(longest.values()) <= HANGS_S
    stuck.rollback()
    let_go = time.monotonic()
    site.wait(lambda: heals(site, load), seconds=PEOPLE_BACK_S, what="the pool is whole again")
    print(f"whole {time.monotonic() - let_go:.1f} s after the lock was let go")


def heals(site: Stack, load: Load) -> bool:
    """Somebody can write, somebody can read, and the site says that it is ready."""
    with httpx.Client(base_url=site.web, headers=load.headers, timeout=5, trust_env=False) as client:
        written = client.post("/api/v1/feedback/", json=sign(0))
        return written.is_success and client.get(load.read[0][1]).is_success and client.get("/health/ready").is_success
