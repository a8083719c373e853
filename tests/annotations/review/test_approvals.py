"""What a second person's decision does to a task that several people judge."""

import pytest

from annotations.review.actions.approvals import approve, send_back
from annotations.review.actions.claims import claim_next
from annotations.review.invariants import SEATS
from annotations.review.models import Claim, Draft, Label, Queue, ReviewTask
from labelhub.invariants import look
from labelhub.projects.rights import Role
from tests.factories import make_label, make_member, make_project, make_queue, make_task

pytestmark = pytest.mark.django_db
State = ReviewTask.State


@pytest.fixture
def project():
    return make_project()


@pytest.fixture
def moderator(project):
    return make_member(project, Role.MODERATOR)


def sound():
    return not [one.name for one in SEATS if look(one).breaches]


def test_a_label_sent_back_is_taken_again_though_the_other_one_was_approved(project, moderator):
    task = make_task(make_queue(project, overlap=2))
    first, second = make_member(project), make_member(project)
    approve(make_label(task, first), by=moderator)
    approved = make_label(task, second)
    task.refresh_from_db()
    assert task.state == State.SUBMITTED
    send_back(approved, by=moderator, reason="Say why.")
    assert sound()
    assert claim_next(task.queue, by=second).task_id == task.pk
    make_label(task, second)
    assert sound()


def test_it_is_taken_again_in_whatever_order_the_two_were_decided_on(project, moderator):
    task = make_task(make_queue(project, overlap=2))
    first, second = make_member(project), make_member(project)
    one, other = make_label(task, first), make_label(task, second)
    approve(one, by=moderator)
    send_back(other, by=moderator, reason="Say why.")
    task.refresh_from_db()
    assert task.state == State.OPEN
    assert sound()
    assert Draft.objects.get().by == second
    assert claim_next(task.queue, by=second).task_id == task.pk


def test_a_task_is_decided_once_each_of_its_labels_is(project, moderator):
    task = make_task(make_queue(project, overlap=2))
    first, second = (make_label(task, make_member(project)) for _ in range(2))
    approve(first, by=moderator)
    task.refresh_from_db()
    assert task.state == State.SUBMITTED
    assert list(Label.objects.for_approval_by(moderator)) == [second]
    assert sound()
    approve(second, by=moderator)
    task.refresh_from_db()
    assert task.state == State.APPROVED
    assert sound()


def test_an_approval_leaves_a_task_open_that_waits_for_another_judgement(project, moderator):
    task = make_task(make_queue(project, overlap=2))
    approve(make_label(task, make_member(project)), by=moderator)
    task.refresh_from_db()
    assert task.state == State.OPEN
    assert sound()


def test_what_was_approved_before_its_second_label_was_decided_on_stays_so(project, moderator):
    task = make_task(make_queue(project, overlap=2))
    first, second = (make_label(task, make_member(project)) for _ in range(2))
    approve(first, by=moderator)
    ReviewTask.objects.update(state=State.APPROVED)  # as approvals left it once
    Queue.objects.update(overlap=3)
    approve(second, by=moderator)
    task.refresh_from_db()
    assert task.state == State.APPROVED
    assert sound()


def test_a_label_beyond_what_the_queue_still_asks_for_leaves_the_task_decided(project, moderator):
    queue = make_queue(project, overlap=2)
    task = make_task(queue)
    one, other = make_label(task, make_member(project)), make_label(task, make_member(project))
    approve(one, by=moderator)
    queue.overlap = 1
    queue.save()
    send_back(other, by=moderator, reason="Not needed.")
    task.refresh_from_db()
    assert task.state == State.APPROVED
    assert Claim.objects.get(by=other.author).state == Claim.State.RELEASED
    assert sound()
