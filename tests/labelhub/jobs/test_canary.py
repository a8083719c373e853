"""Which clusters live, in one question."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from labelhub import jobs
from labelhub.jobs import canary, tasks
from labelhub.jobs.models import Cluster, Job

pytestmark = pytest.mark.django_db


def sing(*clusters: str) -> None:
    for cluster in clusters:
        canary.listen(cluster)
        tasks.run(Job.objects.queued().get(cluster=cluster).pk)


def test_clusters_that_were_never_seen_are_both_silent(django_assert_num_queries):
    with django_assert_num_queries(1):
        assert [silent.cluster for silent in jobs.silent_clusters()] == ["default", "training"]
    assert {silent.since for silent in jobs.silent_clusters()} == {"It has not been seen yet."}


@pytest.mark.parametrize("silent", Cluster)
def test_the_silent_one_is_named_and_since_when(silent, django_assert_num_queries):
    sing(*Cluster)
    assert jobs.silent_clusters() == []
    for ago, words in (
        (timedelta(seconds=61), "1 minute"),
        (timedelta(minutes=7), "7 minutes"),
        (timedelta(hours=30), "30 hours"),
    ):
        Job.objects.filter(cluster=silent).update(heartbeat_at=Now() - ago)
        with django_assert_num_queries(1):
            [found] = jobs.silent_clusters()
        assert (found.cluster, found.since) == (silent, f"Last sign of life {words} ago.")


def test_a_cluster_whose_jobs_still_wait_has_shown_no_sign_of_life():
    sing("default")
    canary.listen("training")
    assert [silent.cluster for silent in jobs.silent_clusters()] == ["training"]
