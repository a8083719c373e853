"""Queues in the administration: whose they are, and that the actions make and change them."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotations.review.models import Queue, ReviewTask
from labelhub.projects.models import Membership
from labelhub.projects.rights import Role
from tests.factories import make_label, make_member, make_project, make_queue, make_task, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hashed_static")]
LIST, ADD = "/admin/annotations/queue/", "/admin/annotations/queue/add/"


@pytest.fixture
def project():
    return make_project()


@pytest.fixture
def admin(project):
    client = Client()
    client.force_login(make_member(project, Role.ADMIN))
    return client


def fields(**over):
    return {
        "name": "Refunds", "instructions": "", "overlap": 1, "lease_minutes": 15, "order": "priority", "assignment": "pull",
        "calibration_every": 20, "mode": "correction", "approve_which": "every", "approve_share": 0.1, "approve_twice": "never",
        **over,
    }  # fmt: skip


def change(queue):
    return f"{LIST}{queue.pk}/change/"


def test_an_admin_makes_a_queue_with_its_reviewers(project, admin):
    expert = make_member(project)
    body = fields(project=project.pk, slug="refunds", overlap=2, reviewers=[expert.pk])
    assert admin.post(ADD, body).status_code == 302
    queue = Queue.objects.get()
    assert (queue.project, queue.slug, queue.overlap, list(queue.reviewers.all())) == (project, "refunds", 2, [expert])


def test_an_admin_changes_a_queue_and_its_tasks_follow(project, admin):
    queue = make_queue(project, slug="refunds")
    label = make_label(make_task(queue), make_member(project))
    body = fields(name="Returns", instructions="Slowly.", overlap=2, slug="moved", project=make_project().pk)
    assert admin.post(change(queue), body).status_code == 302
    queue.refresh_from_db()
    assert (queue.name, queue.instructions, queue.overlap) == ("Returns", "Slowly.", 2)
    assert (queue.slug, queue.project) == ("refunds", project)
    assert ReviewTask.objects.get(pk=label.task_id).state == "open"


@pytest.mark.parametrize(
    "over", [{"overlap": 0}, {"overlap": 11}, {"lease_minutes": 0}, {"name": ""}, {"slug": "a b"}, {"name": " "}]
)
def test_what_does_not_fit_is_said_beside_its_field(project, admin, over):
    page = admin.post(ADD, fields(project=project.pk, slug="refunds") | over)
    assert page.status_code == 200
    assert "errorlist" in page.content.decode()
    assert not Queue.objects.exists()


def test_a_slug_that_is_taken_is_said_and_reviewers_are_of_the_project(project, admin):
    make_queue(project, slug="refunds")
    assert "already exists" in admin.post(ADD, fields(project=project.pk, slug="refunds")).content.decode()
    stranger = make_member(make_project())
    page = admin.post(ADD, fields(project=project.pk, slug="returns", reviewers=[stranger.pk]))
    assert page.status_code == 200
    assert Queue.objects.count() == 1


def test_reviewers_of_another_project_of_the_same_admin_are_refused(project, admin):
    other, boss = make_project(), project.membership_set.filter(role=Role.ADMIN).last().user
    Membership.objects.create(project=other, user=boss, role=Role.ADMIN)
    outsider = make_member(other)
    page = admin.post(ADD, fields(project=project.pk, slug="refunds", reviewers=[outsider.pk]))
    assert page.status_code == 200
    assert not Queue.objects.exists()


def test_strangers_and_moderators_see_no_queue_and_make_none(project):
    queue = make_queue(project, name="Refunds of Fernway")
    stranger = make_member(make_project(), Role.ADMIN)
    Membership.objects.create(project=project, user=stranger, role=Role.MODERATOR)  # administers another project only
    client = Client()
    client.force_login(stranger)
    assert "Refunds of Fernway" not in client.get(LIST).content.decode()
    for answer in (client.get(change(queue)), client.post(change(queue), fields(name="Mine"))):
        assert answer.status_code == 404
    assert client.post(ADD, fields(project=project.pk, slug="mine")).status_code == 200
    assert Queue.objects.get().name == "Refunds of Fernway"


def test_an_operator_without_a_membership_makes_no_queue(project):
    client = Client()
    client.force_login(make_user(is_superuser=True))
    assert client.get(LIST).status_code == 200
    assert client.get(ADD).status_code == 403


def test_nobody_deletes_a_queue_with_its_labels(project, admin):
    assert admin.post(f"{LIST}{make_queue(project).pk}/delete/").status_code == 403


def test_the_list_takes_as_many_queries_for_ten_queues_as_for_two(project, admin):
    def queries(more):
        for _ in range(more):
            make_queue(project).reviewers.add(make_member(project))
        with CaptureQueriesContext(connection) as caught:
            admin.get(LIST)
        return len(caught)

    assert queries(2) == queries(8)


def test_who_has_no_queue_is_led_to_the_page_that_makes_one(project, admin):
    assert LIST in admin.get("/").content.decode()
    assert LIST in admin.get(f"/p/{project.slug}/").content.decode()
    expert = Client()
    expert.force_login(make_member(project))
    assert LIST not in expert.get(f"/p/{project.slug}/").content.decode()
