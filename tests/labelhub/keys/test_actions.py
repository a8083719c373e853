"""Whose keys there are, who makes them, and what is no key at all."""

import pytest
from django.db import IntegrityError, transaction

from labelhub.errors import Invalid, NotAllowed
from labelhub.keys.actions import create_key, find_key, revoke_key
from labelhub.keys.models import ApiKey, Scope
from labelhub.projects.rights import Role
from tests.factories import make_member, make_project, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return make_project()


@pytest.mark.parametrize(
    ("role", "scopes"),
    [
        (Role.EXPERT, {"label"}),
        (Role.MODERATOR, {"ingest", "feedback", "read", "inject", "label", "approve"}),
        (Role.ADMIN, set(Scope.values)),
    ],
)
def test_a_person_makes_a_key_for_themselves_with_the_scopes_of_their_role(project, role, scopes):
    person = make_member(project, role)
    for scope in Scope:
        if scope in scopes:
            key, text = create_key(project, by=person, scopes=[scope])
            assert (key.person, key.created_by, key.service) == (person, person, "")
            assert find_key(text) == key
        else:
            with pytest.raises(NotAllowed, match=scope):
                create_key(project, by=person, scopes=[scope])


@pytest.mark.bar("S12", "four-eyes")
def test_the_database_holds_that_nobody_has_a_key_that_somebody_else_made(project):
    admin, moderator = make_member(project, Role.ADMIN), make_member(project, Role.MODERATOR)
    fields = {"project": project, "scopes": ["approve"], "secret_sha256": "0" * 64}
    with pytest.raises(IntegrityError, match="made_by_that_person"), transaction.atomic():
        ApiKey.objects.create(**fields, prefix="a" * 12, person=moderator, created_by=admin)
    key = ApiKey.objects.create(**fields, prefix="b" * 12, person=moderator, created_by=moderator)
    with pytest.raises(IntegrityError, match="made_by_that_person"), transaction.atomic():
        ApiKey.objects.filter(pk=key.pk).update(person=admin)


def test_who_does_not_belong_to_a_project_makes_no_key_in_it(project):
    for stranger in (make_user(), make_user(is_superuser=True), make_member(make_project(), Role.ADMIN)):
        for over in ({}, {"service": "shop"}):
            with pytest.raises(NotAllowed):
                create_key(project, by=stranger, scopes=[Scope.READ], **over)


def test_a_services_key_is_made_by_an_admin_and_acts_as_nobody(project):
    admin, moderator = make_member(project, Role.ADMIN), make_member(project, Role.MODERATOR)
    key, _ = create_key(project, by=admin, service="shop", scopes=[Scope.INGEST])
    assert (key.person, key.service, key.created_by) == (None, "shop", admin)
    with pytest.raises(NotAllowed):
        create_key(project, by=moderator, service="shop", scopes=[Scope.INGEST])
    for scope in (Scope.LABEL, Scope.APPROVE, Scope.TRAIN, Scope.ADMIN):
        with pytest.raises(Invalid, match=scope):
            create_key(project, by=admin, service="shop", scopes=[scope])


def test_a_key_without_a_scope_is_refused(project):
    with pytest.raises(Invalid):
        create_key(project, by=make_member(project), scopes=[])


def test_a_person_revokes_their_own_and_an_admin_any(project):
    admin, expert, other = make_member(project, Role.ADMIN), make_member(project), make_member(project)
    for revoker in (expert, admin):
        key, text = create_key(project, by=expert, scopes=[Scope.LABEL])
        with pytest.raises(NotAllowed):
            revoke_key(key, by=other)
        assert find_key(text) == key
        revoke_key(key, by=revoker)
        assert find_key(text) is None


SECRET = "s" * 43
NO_KEYS = [
    "", "lh", "lh_", "lh__", "lh_\x00_a", f"lh_\x00_{SECRET}", f"lh_{'a' * 12}_\ud800", f"lh_{'a' * 12}_", f"lh_{'A' * 12}_{SECRET}",
    f"lh_{'a' * 11}_{SECRET}", f"lh_{'a' * 12}_{SECRET}s", f"lh_{'a' * 12}_{SECRET}\n", f"lh_{'٣' * 12}_{SECRET}",
]  # fmt: skip


@pytest.mark.parametrize("text", NO_KEYS)
def test_what_is_not_written_like_a_key_is_looked_for_nowhere(text, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert find_key(text) is None


@pytest.mark.bar("3a-59")
@pytest.mark.parametrize("query", ["x=lh_%00_a", "lh_%00_a", f"x=lh_{'a' * 12}_%00", "x=lh_%ed%a0%80_a"])
def test_a_nul_in_what_looks_like_a_key_in_an_address_breaks_nothing(client, query):
    response = client.get(f"/?{query}")
    assert (response.status_code, response["Content-Type"]) == (400, "application/problem+json")
