"""A person's own keys: seen, made and revoked by that person alone."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from labelhub.keys.actions import find_key
from labelhub.keys.models import ApiKey
from labelhub.projects.models import Membership
from labelhub.projects.rights import Role
from tests.factories import make_key, make_member, make_project, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hashed_static")]


@pytest.fixture
def project():
    return make_project(name="Fernway")


def signed_in(person):
    client = Client()
    client.force_login(person)
    return client


@pytest.mark.parametrize("role", Role)
def test_a_member_makes_a_key_for_themselves_and_sees_its_text_once(project, role):
    person = make_member(project, role)
    client = signed_in(person)
    made = client.post("/me/keys/", {"project": project.pk, "scopes": ["label"]})
    key = ApiKey.objects.get()
    text = made.context["made"]
    assert (made.status_code, key.person, key.created_by, key.scopes) == (201, person, person, ["label"])
    assert find_key(text) == key
    assert text in made.content.decode()
    again = client.get("/me/keys/").content.decode()
    assert str(key) in again
    assert text not in again


def test_what_the_own_role_cannot_use_is_not_offered_and_refused(project):
    person = make_member(project)
    Membership.objects.create(project=make_project(), user=person, role=Role.MODERATOR)
    client = signed_in(person)
    page = client.get("/me/keys/").content.decode()
    assert 'value="approve"' in page
    assert 'value="train"' not in page
    refused = client.post("/me/keys/", {"project": project.pk, "scopes": ["approve"]})
    assert refused.status_code == 422
    assert "Your role in Fernway" in refused.content.decode()
    assert client.post("/me/keys/", {"project": project.pk, "scopes": ["train"]}).status_code == 422
    assert client.post("/me/keys/", {"project": project.pk}).status_code == 422
    assert not ApiKey.objects.exists()


def test_nobody_makes_a_key_in_a_project_of_others_nor_for_somebody_else(project):
    moderator, admin = make_member(project, Role.MODERATOR), make_member(make_project(), Role.ADMIN)
    client = signed_in(admin)
    for pk in (project.pk, 2**31 - 9):
        form = {"project": pk, "scopes": ["label"], "person": moderator.pk}
        assert client.post("/me/keys/", form).status_code == 422
    signed_in(make_member(project)).post(
        "/me/keys/", {"project": project.pk, "scopes": ["label"], "person": moderator.pk}
    )
    assert not ApiKey.objects.filter(person=moderator).exists()


def test_a_person_sees_and_revokes_their_own_keys_only(project):
    person, other = make_member(project), make_member(project)
    mine, theirs = (make_key(project, "label", person=owner) for owner in (person, other))
    client = signed_in(person)
    page = client.get("/me/keys/").content.decode()
    assert mine[:15] in page
    assert theirs[:15] not in page
    for text, left in ((theirs, True), (mine, False)):
        key = ApiKey.objects.get(prefix=text.split("_")[1])
        assert client.post("/me/keys/revoked/", {"key": key.pk}).headers["Location"] == "/me/keys/"
        assert (find_key(text) is not None) == left
    assert mine[:15] not in client.get("/me/keys/").content.decode()
    for nonsense in ({}, {"key": "x"}, {"key": 2**70}):
        assert client.post("/me/keys/revoked/", nonsense).status_code == 302


def test_who_is_in_no_project_is_told_so(project):
    page = signed_in(make_user()).get("/me/keys/").content.decode()
    assert "You are in no project yet" in page
    assert '<button class="btn primary"' not in page


def test_who_is_not_signed_in_is_sent_to_the_sign_in(client):
    for answer in (client.get("/me/keys/"), client.post("/me/keys/"), client.post("/me/keys/revoked/")):
        assert answer.headers["Location"].startswith("/accounts/login/")


def test_the_page_takes_as_many_queries_for_ten_keys_as_for_one(project):
    person = make_member(project)
    client = signed_in(person)
    needed = []
    for more in (1, 9):
        for _ in range(more):
            make_key(project, "label", person=person)
        with CaptureQueriesContext(connection) as queries:
            client.get("/me/keys/")
        needed.append(len(queries))
    assert needed[0] == needed[1]
