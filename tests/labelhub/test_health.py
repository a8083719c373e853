import pytest
from django.db import OperationalError, connection
from django.http import HttpResponse
from django.test import Client, RequestFactory

from labelhub import health
from labelhub.errors import Unavailable
from labelhub.http import domain_errors
from labelhub.jobs import canary, tasks
from labelhub.jobs.models import Cluster, Job

pytestmark = pytest.mark.urls("labelhub.urls")


def sing_everywhere() -> None:
    for cluster in Cluster.values:
        canary.listen(cluster)
        tasks.run(Job.objects.queued().get(cluster=cluster).pk)


def test_live_asks_no_database(client: Client):
    assert client.get("/health/live").json() == {"status": "ok"}


@pytest.mark.django_db
def test_ready_holds_on_a_migrated_database_with_vectors(client: Client):
    assert client.get("/health/ready").status_code == 200


@pytest.mark.django_db
def test_not_ready_names_the_migrations_that_are_missing(client: Client):
    health._check_migrations.cache_clear()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'labelhub'")
    response = client.get("/health/ready")
    assert response.status_code == 503
    assert "manage.py migrate" in response.json()["detail"]


def test_a_database_that_is_away_is_503_with_a_time_to_come_back(client: Client, monkeypatch: pytest.MonkeyPatch):
    def away(*args: object) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(connection, "cursor", away)
    response = client.get("/health/ready")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "2")


@pytest.mark.django_db
def test_workers_are_well_while_both_canaries_sing(client: Client):
    sing_everywhere()
    assert client.get("/health/worker").status_code == 200


@pytest.mark.django_db
def test_a_silent_cluster_is_named(client: Client):
    sing_everywhere()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE labelhub_job SET heartbeat_at = now() - interval '61 s' WHERE cluster = 'training'")
    response = client.get("/health/worker")
    assert response.status_code == 503
    assert response.json()["detail"] == "No sign of life from: training."


@pytest.mark.bar("R9")
def test_what_needs_something_that_is_down_says_when_to_come_back(rf: RequestFactory):
    refuse = domain_errors(lambda request: HttpResponse()).process_exception
    refusal = refuse(rf.get("/api/v1/anything/"), Unavailable("The encoder does not answer."))
    assert (refusal.status_code, refusal.headers["Retry-After"]) == (503, "2")
