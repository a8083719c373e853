"""What every page and every answer of the API goes through."""

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from labelhub.errors import NotFound
from labelhub.http import forbidden
from labelhub.jobs import canary, tasks
from labelhub.jobs.models import Cluster, Job
from labelhub.people.models import User
from labelhub.projects.rights import Role
from tests.factories import make_key, make_member, make_project, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hashed_static")]


@pytest.mark.parametrize(
    "here", ["http://[", "http://[::1", "//[", "http://a]/", "\x00", "http://testserver:x/", "é", ""]
)
@pytest.mark.parametrize("page", ["/", "/me/"])
def test_an_address_that_is_none_leads_from_the_sign_in_to_the_first_page(client, here, page):
    response = client.get(page, headers={"HX-Request": "true", "HX-Current-URL": here})
    assert response.status_code == 401
    assert response.headers["HX-Redirect"].startswith("/accounts/login/?next=%2F")


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../UTC", "/etc/passwd", "Europe", "a b", "x" * 64])
def test_a_time_zone_that_there_is_none_of_is_utc_and_breaks_no_page(client, zone):
    person = make_user()
    User.objects.filter(pk=person.pk).update(time_zone=zone)
    client.force_login(User.objects.get(pk=person.pk))
    for page in ("/", "/me/"):
        assert client.get(page).status_code == 200


@pytest.mark.parametrize(
    "path", ["/api/v1/nonsense/", "/api/v1/labels/x/", "/api/", "/v1/nonsense", "/health/nonsense"]
)
def test_an_unknown_address_of_the_api_is_a_problem_in_the_words_of_a_foreign_row(path):
    project, other = make_project(), make_project()
    admin = make_member(project, Role.ADMIN)
    for client in (Client(), signed_in(admin)):
        answer = client.get(path)
        assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
        assert answer.json() == {"type": "about:blank", "status": 404, "code": "not_found", "detail": NotFound().detail}
    foreign = signed_in(admin).get(f"/api/v1/queues/?project={other.slug}")
    assert foreign.json() == answer.json()


def test_an_unknown_page_is_a_page(client):
    answer = client.get("/nonsense/")
    assert (answer.status_code, answer["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert NotFound().detail in answer.content.decode()


@pytest.mark.parametrize("path", ["/api/v1/labels/", "/v1/models", "/health/ready"])
def test_a_request_that_makes_no_sense_is_a_problem_too(path):
    for host in ("evil.example", "a b"):
        answer = Client(raise_request_exception=False).get(path, headers={"Host": host})
        assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
        assert set(answer.json()) == {"type", "status", "code", "detail"}
        assert "evil" not in answer.content.decode()
    page = Client(raise_request_exception=False).get("/", headers={"Host": "evil.example"})
    assert page["Content-Type"] == "text/html; charset=utf-8"


def test_what_is_forbidden_without_words_is_a_problem_too(rf):
    answer = forbidden(rf.get("/api/v1/labels/"), PermissionDenied())
    assert (answer.status_code, answer["Content-Type"]) == (403, "application/problem+json")
    assert forbidden(rf.get("/admin/"), PermissionDenied())["Content-Type"] == "text/html; charset=utf-8"


def signed_in(person):
    client = Client()
    client.force_login(person)
    return client


def sing(*clusters):
    for cluster in clusters:
        canary.listen(cluster)
        tasks.run(Job.objects.queued().get(cluster=cluster).pk)


WORDS = {Cluster.DEFAULT: "The worker is down.", Cluster.TRAINING: "The training worker is down."}


@pytest.mark.bar("R7")
@pytest.mark.parametrize("page", ["/", "/me/", "/p/{slug}/", "/p/{slug}/triage/", "/p/{slug}/approvals/", "/api/docs/"])
@pytest.mark.parametrize("silent", Cluster)
def test_every_page_names_the_cluster_that_is_silent(page, silent):
    project = make_project()
    client = signed_in(make_member(project, Role.MODERATOR))
    shown = lambda: client.get(page.format(slug=project.slug)).content.decode()  # noqa: E731
    sing(*Cluster)
    assert not any(words in shown() for words in WORDS.values())
    Job.objects.filter(cluster=silent).update(heartbeat_at="2026-01-01T00:00:00Z")
    seen = shown()
    assert {cluster for cluster, words in WORDS.items() if words in seen} == {silent}
    assert "Last sign of life" in seen


def test_who_is_not_signed_in_is_told_nothing_of_the_workers(client):
    assert "is down" not in client.get("/accounts/login/").content.decode()


def test_a_fragment_does_not_ask_for_the_workers():
    project = make_project()
    client = signed_in(make_member(project, Role.MODERATOR))
    asked = []
    for headers in ({}, {"HX-Request": "true"}):
        with CaptureQueriesContext(connection) as queries:
            client.get(f"/p/{project.slug}/triage/rows/", headers=headers)
            if not headers:
                client.get(f"/p/{project.slug}/triage/")
        asked.append(sum("heartbeat_at" in query["sql"] for query in queries))
    assert asked == [1, 0]


def test_a_service_key_still_hears_of_a_foreign_row_what_it_hears_of_none(client):
    key = make_key(make_project(), "read")
    told = [
        client.get(f"/api/v1/{path}", headers={"Authorization": f"Bearer {key}"}) for path in ("interactions/7/", "x/")
    ]
    assert told[0].json() == told[1].json()
