"""Leases under change: fences, rights, and the moves that a claim makes."""

import pytest

from annotations.review.actions.claims import claim, claim_next, release, renew, skip
from annotations.review.actions.drafts import save_draft
from annotations.review.actions.labels import submit
from annotations.review.models import Claim, Draft, ReviewTask
from labelhub.errors import Invalid, NotAllowed, NotFound, StaleState
from labelhub.projects.models import Membership
from tests.annotations.review.meanwhile import at_once
from tests.factories import make_label, make_member, make_project, make_queue, make_task

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return make_project()


@pytest.fixture
def expert(project):
    return make_member(project)


@pytest.fixture
def queue(project):
    return make_queue(project)


def test_a_late_release_leaves_a_claim_taken_anew_since(queue, expert):
    first = claim(make_task(queue), by=expert)
    release(first, by=expert, fence=first.fence)
    again = claim(first.task, by=expert)
    release(first, by=expert, fence=first.fence)
    again.refresh_from_db()
    assert (again.state, again.fence) == (Claim.State.HELD, first.fence + 1)


@pytest.mark.django_db(transaction=True)
def test_a_release_that_waits_for_a_new_claim_leaves_it():
    project = make_project()
    expert, task = make_member(project), make_task(make_queue(project))
    first = claim(task, by=expert)
    Claim.objects.update(leased_until=first.claimed_at)
    at_once(lambda: claim(task, by=expert), lambda: release(first, by=expert, fence=first.fence))
    assert Claim.objects.get().state == Claim.State.HELD


def test_who_has_left_the_project_does_nothing_with_what_they_hold(project, queue, expert):
    task = make_task(queue)
    held = claim(task, by=expert)
    Membership.objects.filter(user=expert).delete()
    for act in (
        lambda: renew(held, by=expert),
        lambda: release(held, by=expert, fence=held.fence),
        lambda: skip(held, by=expert, reason="gone"),
        lambda: save_draft(task, by=expert, fence=held.fence, version=0, content={}),
    ):
        with pytest.raises(NotAllowed):
            act()
    held.refresh_from_db()
    assert (held.state, Draft.objects.count()) == (Claim.State.HELD, 0)


def test_what_somebody_else_holds_is_not_renewed_released_or_skipped(project, queue, expert):
    held, other = claim(make_task(queue), by=expert), make_member(project)
    for act in (
        lambda: renew(held, by=other),
        lambda: release(held, by=other, fence=held.fence),
        lambda: skip(held, by=other, reason="mine"),
    ):
        with pytest.raises(NotFound):
            act()


def test_a_reason_to_skip_that_is_too_long_is_refused_not_cut(queue, expert):
    with pytest.raises(Invalid):
        skip(claim(make_task(queue), by=expert), by=expert, reason="x" * 301)


def test_a_claim_that_was_given_back_can_be_taken_again_and_one_that_is_done_cannot(queue, expert):
    assert Claim.State.HELD in Claim.MOVES[Claim.State.RELEASED]
    assert Claim.State.HELD not in Claim.MOVES[Claim.State.DONE]


def test_a_done_claim_is_never_taken_anew_even_with_a_seat_left(project, expert):
    task = make_task(make_queue(project, overlap=2))
    make_label(task, expert)
    with pytest.raises(StaleState, match="You have judged"):
        claim(task, by=expert)
    assert claim_next(task.queue, by=expert) is None
    assert Claim.objects.get().state == Claim.State.DONE


def test_a_task_that_is_gone_is_not_found(queue, expert):
    task = make_task(queue)
    ReviewTask.objects.all().delete()
    with pytest.raises(NotFound):
        claim(task, by=expert)


@pytest.mark.django_db(transaction=True)
def test_a_first_autosave_that_comes_after_the_label_leaves_no_draft_behind():
    project = make_project()
    expert, task = make_member(project), make_task(make_queue(project))
    fence = claim(task, by=expert).fence
    told = at_once(
        lambda: submit(task, by=expert, fence=fence, payload={"verdict": "good"}),
        lambda: save_draft(task, by=expert, fence=fence, version=0, content={"note": "late"}),
    )
    assert isinstance(told, StaleState)
    assert not Draft.objects.exists()
