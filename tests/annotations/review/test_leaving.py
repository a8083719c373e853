"""Who may not judge any more holds nothing: others are offered it, and what was typed is kept for a return."""

import pytest

from annotations.review.actions.claims import claim, claim_next
from annotations.review.actions.drafts import save_draft
from annotations.review.actions.labels import submit
from annotations.review.actions.queues import update_queue
from annotations.review.models import Claim, Draft
from labelhub.errors import NotAllowed
from labelhub.people.actions import deactivate
from labelhub.projects.actions import add_member, remove_member
from labelhub.projects.models import Membership
from labelhub.projects.rights import Role
from tests.factories import make_claim, make_member, make_project, make_queue, make_task, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.bar("R4")]


@pytest.fixture
def admin(queue):
    return Membership.objects.get(project=queue.project, role=Role.ADMIN).user


def named(queue, *people):
    update_queue(queue, by=make_member(queue.project, Role.MODERATOR), reviewers=people)


def state_of(held):
    return Claim.objects.get(pk=held.pk).state


@pytest.mark.bar("3a-23")
def test_what_somebody_held_who_was_removed_is_offered_to_others_and_their_words_are_kept(
    queue, expert, admin, run_jobs
):
    held = claim(make_task(queue), by=expert)
    save_draft(held.task, by=expert, fence=held.fence, version=0, content={"rewrite": "Half a thought"})
    remove_member(queue.project, expert, by=admin)
    with pytest.raises(NotAllowed):
        submit(held.task, by=expert, fence=held.fence, payload={"verdict": "good"})
    run_jobs()
    assert claim_next(queue, by=make_member(queue.project)).task == held.task
    assert Draft.objects.get(task=held.task, by=expert).content == {"rewrite": "Half a thought"}


def test_a_moderator_who_becomes_an_expert_holds_nothing_of_queues_that_others_are_named_for(
    queue, moderator, admin, run_jobs
):
    held = claim(make_task(queue), by=moderator)
    named(queue, make_member(queue.project))
    assert state_of(held) == "held"
    add_member(queue.project, moderator, role=Role.EXPERT, by=admin)
    run_jobs()
    assert state_of(held) == "released"


def test_a_closed_account_holds_nothing_in_any_of_its_projects(queue, expert, run_jobs):
    elsewhere = make_queue(make_project())
    add_member(elsewhere.project, expert, role=Role.EXPERT, by=Membership.objects.get(project=elsewhere.project).user)
    claims = [claim(make_task(one), by=expert) for one in (queue, elsewhere)]
    deactivate(expert, by=make_user(is_superuser=True))
    run_jobs()
    assert [state_of(held) for held in claims] == ["released", "released"]


@pytest.mark.parametrize(("way_out", "role"), [("/accounts/logout/", Role.EXPERT), ("/admin/logout/", Role.ADMIN)])
def test_who_signs_out_holds_nothing_and_finds_their_words_again(queue, client, way_out, role):
    person = make_member(queue.project, role)
    held = [claim(make_task(queue), by=person), make_claim(make_task(queue), make_member(queue.project))]
    save_draft(held[0].task, by=person, fence=held[0].fence, version=0, content={"rewrite": "Half a thought"})
    client.force_login(person)
    client.get("/accounts/logout/")
    assert [state_of(one) for one in held] == ["held", "held"]
    client.post(way_out)
    assert client.get("/me/").status_code == 302
    assert [state_of(one) for one in held] == ["released", "held"]
    assert claim_next(queue, by=person).task == held[0].task
    assert Draft.objects.get(task=held[0].task, by=person).content == {"rewrite": "Half a thought"}


def test_an_expert_whom_the_admin_does_not_sign_out_keeps_what_they_hold(queue, expert, client):
    held = claim(make_task(queue), by=expert)
    client.force_login(expert)
    client.post("/admin/logout/")
    assert client.get("/me/").status_code == 200
    assert state_of(held) == "held"


def test_others_keep_what_they_hold_when_somebody_leaves(queue, expert, moderator, admin, run_jobs):
    held = claim(make_task(queue), by=expert)
    remove_member(queue.project, moderator, by=admin)
    run_jobs()
    assert state_of(held) == "held"


def test_who_is_not_among_a_queues_reviewers_any_more_holds_nothing_of_it_at_once(queue, expert, moderator):
    chosen = make_member(queue.project)
    theirs = [make_claim(make_task(queue), by) for by in (expert, chosen, moderator)]
    named(queue, chosen)
    assert [state_of(held) for held in theirs] == ["released", "held", "held"]
    named(queue)
    assert claim(theirs[0].task, by=expert).state == "held"
