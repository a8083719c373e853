"""Making people, and what they say of themselves."""

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from labelhub.errors import Conflict, Invalid, NotAllowed
from labelhub.people.actions import activate, change_self, create_person, deactivate
from labelhub.people.models import User
from labelhub.projects.actions import remove_member
from labelhub.projects.models import Membership
from labelhub.projects.rights import Role
from tests.annotations.review.meanwhile import at_once
from tests.factories import PASSWORD, make_key, make_member, make_project, make_user

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


def signed_in(person):
    client = Client()
    client.force_login(person)
    return client


def signs_in(person):
    return Client().post("/accounts/login/", {"login": person.email, "password": PASSWORD}).headers["Location"]


def test_with_a_closed_account_nobody_signs_in_and_what_was_open_is_shut(operator):
    person, another = (make_member(make_project(), password=PASSWORD) for _ in range(2))
    project = Membership.objects.get(user=person).project
    theirs, others = signed_in(person), signed_in(another)
    key = {"Authorization": f"Bearer {make_key(project, 'read', 'label', person=person)}"}
    queues = f"/api/v1/queues/?project={project.slug}"
    assert (theirs.get("/me/").status_code, Client().get(queues, headers=key).status_code) == (200, 200)
    deactivate(person, by=operator)
    assert signs_in(person) == "/accounts/inactive/"
    assert (theirs.get("/me/").status_code, Client().get(queues, headers=key).status_code) == (302, 401)
    assert others.get("/me/").status_code == 200
    activate(person, by=operator)
    assert signs_in(person) == "/"
    assert Client().get(queues, headers=key).status_code == 200, "keys were not revoked"
    assert theirs.get("/me/").status_code == 302, "somebody else may have held that session"


def test_only_operators_close_accounts_and_open_them_and_never_their_own(operator):
    person, admin = make_user(), make_member(make_project(), Role.ADMIN)
    closed = make_user(is_superuser=True, is_active=False)
    for nobody in (admin, person, closed):
        for act in (deactivate, activate):
            with pytest.raises(NotAllowed):
                act(person, by=nobody)
    with pytest.raises(NotAllowed):
        activate(closed, by=closed)
    with pytest.raises(Conflict, match="your own"):
        deactivate(operator, by=operator)
    assert set(User.objects.filter(is_active=False)) == {closed}


def test_a_projects_last_admin_keeps_their_account_until_there_is_another(operator):
    project = make_project(by=make_user("Olga", is_superuser=True))
    last = Membership.objects.get(project=project).user
    make_member(make_project(by=last), Role.ADMIN)
    with pytest.raises(Conflict, match=f"Olga is the last admin of {project}: make somebody else an admin first"):
        deactivate(last, by=operator)
    make_member(project, Role.ADMIN)
    deactivate(last, by=operator)
    assert not User.objects.get(pk=last.pk).is_active


@pytest.mark.django_db(transaction=True)
def test_of_two_operators_who_close_each_others_account_the_second_is_told_that_theirs_is_closed(operator):
    other = make_user(is_superuser=True)
    told = at_once(lambda: deactivate(other, by=operator), lambda: deactivate(operator, by=other))
    assert isinstance(told, NotAllowed)
    assert list(User.objects.filter(is_active=True)) == [operator]


@pytest.mark.django_db(transaction=True)
def test_of_two_admins_one_whose_account_is_closed_while_the_other_is_removed_one_stays(operator):
    project = make_project(by=make_user("Olga", is_superuser=True))
    first, second = Membership.objects.get(project=project).user, make_member(project, Role.ADMIN)
    told = at_once(lambda: deactivate(first, by=operator), lambda: remove_member(project, second, by=second))
    assert isinstance(told, Conflict)
    assert list(Membership.objects.admins_of(project)) == [Membership.objects.get(user=second)]
