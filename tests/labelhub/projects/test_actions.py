"""Who belongs to a project, and that somebody always looks after it."""

import threading

import pytest
from django.db import connection

from labelhub.errors import Conflict, NotAllowed, Refused
from labelhub.projects.actions import add_member, remove_member
from labelhub.projects.models import Membership, Project
from labelhub.projects.rights import Role
from tests.factories import make_member, make_project, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    """With one admin."""
    return make_project()


@pytest.fixture
def admin(project):
    return Membership.objects.get(project=project).user


def roles(project):
    return dict(Membership.objects.filter(project=project).values_list("user_id", "role"))


@pytest.mark.parametrize("role", [Role.EXPERT, Role.MODERATOR])
def test_the_last_admin_can_neither_leave_nor_be_given_a_lesser_role(project, admin, role):
    make_member(project, Role.MODERATOR)
    with pytest.raises(Conflict, match="last admin"):
        remove_member(project, admin, by=admin)
    with pytest.raises(Conflict, match="last admin"):
        add_member(project, admin, role=role, by=admin)
    assert roles(project)[admin.pk] == Role.ADMIN
    assert add_member(project, admin, role=Role.ADMIN, by=admin).role == Role.ADMIN


def test_one_of_two_admins_leaves_but_not_both(project, admin):
    second = make_member(project, Role.ADMIN)
    remove_member(project, admin, by=second)
    with pytest.raises(Conflict):
        remove_member(project, second, by=second)
    assert roles(project) == {second.pk: Role.ADMIN}


def test_an_admin_who_cannot_sign_in_any_more_does_not_count(project, admin):
    make_member(project, Role.ADMIN, is_active=False)
    with pytest.raises(Conflict):
        remove_member(project, admin, by=admin)


def test_who_is_no_admin_leaves_and_changes_role(project, admin):
    expert = make_member(project)
    assert add_member(project, expert, role=Role.MODERATOR, by=admin).role == Role.MODERATOR
    remove_member(project, expert, by=admin)
    remove_member(project, make_user(), by=admin)  # was no member
    assert roles(project) == {admin.pk: Role.ADMIN}


def test_only_admins_add_and_remove(project):
    moderator, expert = make_member(project, Role.MODERATOR), make_member(project)
    with pytest.raises(NotAllowed):
        add_member(project, expert, role=Role.ADMIN, by=moderator)
    with pytest.raises(NotAllowed):
        remove_member(project, expert, by=moderator)


@pytest.mark.django_db(transaction=True)
def test_two_admins_who_remove_each_other_at_once_leave_one(project, admin):
    second = make_member(project, Role.ADMIN)
    together, refused = threading.Barrier(2), []

    def remove(user, by):
        try:
            together.wait()
            remove_member(project, user, by=by)
        except Refused as refusal:
            refused.append(refusal)
        finally:
            connection.close()

    threads = [threading.Thread(target=remove, args=pair) for pair in ((admin, second), (second, admin))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert len(roles(project)) == 1
