"""Leases under change: fences, rights, and the moves that a claim makes."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from annotations.review.actions.claims import claim, claim_next, release, renew, skip
from annotations.review.actions.drafts import save_draft
from annotations.review.actions.labels import submit
from annotations.review.invariants import SEATS
from annotations.review.models import Claim, Draft, ReviewTask
from labelhub.errors import Invalid, NotAllowed, NotFound, StaleState
from labelhub.invariants import look
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


def run_out(held):
    Claim.objects.filter(pk=held.pk).update(leased_until=Now())


def submitted(held):
    """Whether a label is taken from who holds this claim."""
    try:
        return bool(submit(held.task, by=held.by, fence=held.fence, payload={"verdict": "good"}))
    except StaleState:
        return False


def held_by_more_than_seats(project, people=2):
    """The claims, oldest first, of a task whose queue asks for one judgement; for so many it asked before."""
    queue = make_queue(project, overlap=people)
    task = make_task(queue)
    claims = [claim(task, by=make_member(project)) for _ in range(people)]
    queue.overlap = 1
    queue.save()
    return claims


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


def test_what_is_judged_is_not_skipped_in_another_tab(queue, expert):
    held = claim(make_task(queue), by=expert)
    submit(held.task, by=expert, fence=held.fence, payload={"verdict": "good"})
    with pytest.raises(StaleState, match="do not hold this task any more"):
        skip(Claim.objects.get(), by=expert, reason="too long")
    assert Claim.objects.get().state == Claim.State.DONE
    assert not [one.name for one in SEATS if look(one).breaches]


def test_what_was_given_back_is_not_skipped_in_another_tab(queue, expert):
    held = claim(make_task(queue), by=expert)
    release(held, by=expert, fence=held.fence)
    with pytest.raises(StaleState, match="do not hold this task any more"):
        skip(held, by=expert, reason="too long")
    assert Claim.objects.get().skip_reason == ""


def test_an_old_tab_does_not_skip_what_was_taken_anew_since(queue, expert):
    first = claim(make_task(queue), by=expert)
    release(first, by=expert, fence=first.fence)
    again = claim(first.task, by=expert)
    with pytest.raises(StaleState):
        skip(again, by=expert, reason="too long", fence=first.fence)
    with pytest.raises(StaleState):
        skip(first, by=expert, reason="too long")
    skip(again, by=expert, reason="too long", fence=again.fence)
    assert Claim.objects.get().skip_reason == "too long"


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (1, 0, 1), (0, 1, 0)])
def test_of_more_people_than_seats_who_took_the_task_first_submits(project, order):
    claims = held_by_more_than_seats(project)
    assert [one for one in order if submitted(claims[one])] == [0]


def test_of_three_people_two_submit_when_two_seats_are_left(project):
    claims = held_by_more_than_seats(project, people=3)
    claims[0].task.queue.overlap = 2
    claims[0].task.queue.save()
    assert [submitted(held) for held in reversed(claims)] == [False, True, True]


def test_of_people_who_took_the_task_in_one_moment_one_submits(project):
    claims = held_by_more_than_seats(project)
    Claim.objects.update(claimed_at=claims[0].claimed_at)
    assert [submitted(held) for held in reversed(claims)] == [False, True]


def test_who_took_the_task_later_has_the_seat_once_the_first_gives_it_back_or_leaves(project):
    first, later = held_by_more_than_seats(project)
    release(first, by=first.by, fence=first.fence)
    assert submitted(later)
    first, later = held_by_more_than_seats(project)
    run_out(first)
    assert not submitted(first)  # it is the other who holds the task now
    assert submitted(later)


def test_only_who_has_a_seat_holds_it_for_longer(project):
    first, later = held_by_more_than_seats(project)
    Claim.objects.update(leased_until=Now() + timedelta(minutes=1))
    assert renew(first, by=first.by).leased_until > renew(later, by=later.by).leased_until
    assert claim(first.task, by=first.by).fence == first.fence
    with pytest.raises(StaleState, match="Somebody else is judging"):
        claim(later.task, by=later.by)


def test_who_has_no_seat_left_gets_the_next_task(project):
    first, later = held_by_more_than_seats(project)
    assert claim_next(first.task.queue, by=later.by) is None
    other = make_task(first.task.queue)
    assert claim_next(first.task.queue, by=later.by).task == other
    assert claim_next(first.task.queue, by=first.by).task == first.task


@pytest.mark.django_db(transaction=True)
def test_who_asks_for_the_next_while_another_tab_submits_gets_another_one():
    project = make_project()
    expert, queue = make_member(project), make_queue(project)
    held = claim(make_task(queue), by=expert)
    other = make_task(queue)
    told = at_once(
        lambda: submit(held.task, by=expert, fence=held.fence, payload={"verdict": "good"}),
        lambda: claim_next(queue, by=expert),
    )
    assert (told.task, told.state) == (other, Claim.State.HELD)


@pytest.mark.django_db(transaction=True)
def test_who_asks_for_the_next_while_another_tab_gives_it_back_holds_what_they_get():
    project = make_project()
    expert, queue = make_member(project), make_queue(project)
    held = claim(make_task(queue), by=expert)
    told = at_once(lambda: release(held, by=expert, fence=held.fence), lambda: claim_next(queue, by=expert))
    assert (told.task, told.state, told.fence) == (held.task, Claim.State.HELD, held.fence + 1)


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


def test_a_draft_that_there_never_was_is_begun_at_version_0(queue, expert):
    held = claim(make_task(queue), by=expert)
    with pytest.raises(StaleState, match="There is no draft of version 3: send version 0"):
        save_draft(held.task, by=expert, fence=held.fence, version=3, content={})
