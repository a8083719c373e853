"""Making people, and what they say of themselves."""

import pytest
from django.db import IntegrityError, transaction

from labelhub.errors import Conflict, Invalid, NotAllowed
from labelhub.people.actions import change_self, create_person
from labelhub.people.models import User
from labelhub.projects.rights import Role
from tests.factories import make_member, make_project, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator():
    return make_user(is_superuser=True)


def test_an_operator_makes_a_person_whose_address_is_kept_in_small_letters(operator):
    person = create_person(email="Ada.L@Example.ORG", name="Ada", time_zone="Europe/Berlin", by=operator)
    assert (person.email, person.name, person.time_zone) == ("ada.l@example.org", "Ada", "Europe/Berlin")
    assert not person.has_usable_password()
    assert not person.is_superuser


def test_nobody_else_makes_people(operator):
    for nobody in (make_member(make_project(), Role.ADMIN), make_user(is_superuser=True, is_active=False)):
        with pytest.raises(NotAllowed):
            create_person(email="x@example.org", by=nobody)


def test_an_address_belongs_to_one_person_whatever_its_case(operator):
    create_person(email="ada@example.org", by=operator)
    with pytest.raises(Conflict, match="address ada"):
        create_person(email="ADA@example.org", by=operator)
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(email="Ada@example.org")


def test_an_unknown_time_zone_is_refused(operator):
    with pytest.raises(Invalid, match="Mars/Olympus"):
        create_person(email="x@example.org", time_zone="Mars/Olympus", by=operator)


def test_what_happened_to_a_person_meanwhile_stays_when_they_save_their_settings():
    person = make_user(key_map={"approve": "a"})
    User.objects.filter(pk=person.pk).update(is_active=False, password="changed", is_superuser=True)
    change_self(person, name="Ada", time_zone="Asia/Tokyo", theme="dark", single_keys=False)
    now = User.objects.get(pk=person.pk)
    assert (now.name, now.time_zone, now.theme) == ("Ada", "Asia/Tokyo", "dark")
    assert now.key_map == {"approve": "a", "off": True}
    assert (now.is_active, now.password, now.is_superuser) == (False, "changed", True)
