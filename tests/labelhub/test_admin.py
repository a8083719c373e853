import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django_q.models import Failure, OrmQ, Schedule, Success

from labelhub.keys.actions import find_key
from labelhub.keys.models import ApiKey
from labelhub.models import Membership, Project
from labelhub.projects.rights import Role
from tests.factories import make_member, make_project, make_user

pytestmark = pytest.mark.django_db


@pytest.mark.bar("3a-67")
def test_the_queue_tables_and_groups_have_no_page():
    assert not any(admin.site.is_registered(model) for model in (Group, Failure, OrmQ, Schedule, Success))


@pytest.mark.parametrize("role", [Role.EXPERT, Role.MODERATOR, None])
def test_only_admins_of_a_project_and_operators_enter(client, role):
    client.force_login(make_member(make_project(), role) if role else make_user())
    assert client.get("/admin/").status_code == 302


def test_an_operator_makes_a_project_and_becomes_its_admin(client):
    olga = make_user(is_superuser=True)
    client.force_login(olga)
    client.post("/admin/labelhub/project/add/", {"name": "Fernway", "slug": "fernway", "two_person_promotion": "on"})
    assert Membership.objects.get(project=Project.objects.get(slug="fernway")).user == olga


def test_an_admin_sees_only_the_own_projects_rows(client):
    mine, other = make_project(name="Mine"), make_project(name="Theirs")
    client.force_login(make_member(mine, Role.ADMIN))
    page = client.get("/admin/labelhub/project/").content.decode()
    assert "Mine" in page
    assert "Theirs" not in page
    assert client.get(f"/admin/labelhub/project/{other.pk}/change/").status_code == 404


def test_a_key_is_shown_once_when_it_is_made(client):
    project = make_project()
    client.force_login(make_member(project, Role.ADMIN))
    page = client.post(
        "/admin/labelhub/apikey/add/",
        {"project": project.pk, "person": "", "service": "checkout", "scopes": ["ingest"]}, follow=True,
    ).content.decode()  # fmt: skip
    text = page.split("not shown again: ")[1].split("<")[0].strip()
    assert find_key(text) == ApiKey.objects.get()
    assert text not in client.get("/admin/labelhub/apikey/").content.decode()
