"""Whichever process of the site is killed, the site is whole again within a minute and nobody had to do anything.

The processes inside the clusters are killed one by one in test_jobs.py.
"""

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psutil
import pytest
from django.db import connection

from labelhub import jobs
from labelhub.embedded import Home
from labelhub.jobs.models import Cluster, Job
from labelhub.keys.models import Scope
from tests.factories import make_key, make_project
from tests.faults.clean import check_clean
from tests.faults.clusters import own_cluster
from tests.faults.errands import TABLE
from tests.stack import Stack, running_stack

BACK_S = 60
pytestmark = pytest.mark.bar("R7")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Home]:
    with own_cluster() as place:
        yield place


@pytest.fixture(scope="module")
def site(cluster: Home, django_db_blocker: Any) -> Iterator[Stack]:
    """With inference, on an embedded Postgres that nobody but the site looks after."""
    with django_db_blocker.unblock(), running_stack(database_url=cluster.url) as stack:
        with stack.database(), connection.cursor() as cursor:
            cursor.execute(TABLE)
        yield stack


@pytest.fixture(scope="module")
def key(site: Stack) -> dict[str, str]:
    with site.database():
        return {"Authorization": f"Bearer {make_key(make_project(), Scope.INJECT, Scope.INGEST)}"}


@pytest.fixture(autouse=True)
def clean_at_the_end(site: Stack) -> Iterator[None]:
    yield
    check_clean(site)


def answers(url: str, **request: Any) -> bool:
    try:
        return httpx.request(request.pop("method", "GET"), url, timeout=5, trust_env=False, **request).is_success
    except httpx.HTTPError:
        return False


def is_whole(site: Stack, key: dict[str, str]) -> bool:
    """Pages, both clusters, embeddings, and a question that goes through gateway, database and inference."""
    question = {"model": "base", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 2}
    return (
        answers(f"{site.web}/health/ready")
        and answers(f"{site.web}/health/worker")
        and answers(f"{site.inference}/embeddings", method="POST", json={"model": "encoder", "input": ["Hello"]})
        and answers(f"{site.gateway}/v1/chat/completions", method="POST", json=question, headers=key)
    )


def of(child: str, number: int) -> Callable[[Stack], psutil.Process]:
    return lambda site: site.family(child)[number]


def embedder(site: Stack) -> psutil.Process:
    """Embeddings have a process of their own below inference."""
    return site.family("inference")[-1]


VICTIMS: dict[str, Callable[[Stack], psutil.Process]] = {
    "a web worker": of("web", 1),
    "the web master": of("web", 0),
    "the gateway": of("gateway", 0),
    "the default cluster": of(Cluster.DEFAULT, 0),
    "the training cluster": of(Cluster.TRAINING, 0),
    "inference": of("inference", 0),
    "the embedder": embedder,
}


def check_jobs_run(site: Stack) -> None:
    with site.database():
        asked = [jobs.enqueue("tests.faults.errands.write_after", 0, cluster=cluster).pk for cluster in Cluster.values]
        done = Job.objects.filter(pk__in=asked, state=Job.State.DONE)
        site.wait(lambda: done.count() == len(asked), seconds=BACK_S, what="each cluster runs a job")


@pytest.mark.parametrize("victim", VICTIMS)
def test_the_site_is_whole_within_a_minute_after_the_death_of(site: Stack, key: dict[str, str], victim: str, count):
    for _ in range(count(1, 3)):
        site.wait(lambda: is_whole(site, key), seconds=BACK_S, what="the site is whole before")
        process = VICTIMS[victim](site)
        died = time.monotonic()
        process.kill()
        psutil.wait_procs([process], timeout=5)
        site.wait(lambda: is_whole(site, key), seconds=BACK_S, what=f"the site is whole again after {victim}")
        check_jobs_run(site)
        print(f"{victim}: whole after {time.monotonic() - died:.1f} s")


@pytest.mark.bar("R9")
def test_an_embedded_database_that_was_killed_is_started_again_by_the_site(cluster: Home, site: Stack, key, count):
    for _ in range(count(1, 3)):
        site.wait(lambda: is_whole(site, key), seconds=BACK_S, what="the site is whole before")
        before = cluster.postmaster
        assert before is not None
        died = time.monotonic()
        os.kill(before, 9)
        site.wait(lambda old=before: cluster.postmaster not in (None, old), seconds=BACK_S, what="a new postmaster")
        site.wait(lambda: is_whole(site, key), seconds=BACK_S, what="the site is whole again")
        check_jobs_run(site)
        print(f"the postmaster: whole after {time.monotonic() - died:.1f} s")
