"""Undo of a submit: an author takes their label back, until somebody else has decided on it."""

import pytest
from django.test import Client

from annotations.review.actions.approvals import approve, send_back
from annotations.review.actions.claims import claim_next
from annotations.review.actions.labels import submit, withdraw
from annotations.review.invariants import SEATS
from annotations.review.models import Approval, Claim, Draft, Label, ReviewTask, Withdrawal
from annotations.review.progress import progress
from labelhub.errors import NotAllowed, NotFound, StaleState
from labelhub.invariants import look
from labelhub.projects.models import Membership
from labelhub.projects.rights import Role
from tests.annotations.review.meanwhile import at_once
from tests.factories import FLAWED, make_key, make_label, make_member, make_project, make_queue, make_task

pytestmark = pytest.mark.django_db


def sound():
    return not [one.name for one in SEATS if look(one).breaches]


def test_what_was_submitted_is_at_hand_again_with_every_word(queue, expert, moderator):
    label = make_label(make_task(queue), expert, **FLAWED, rewrite="It costs 39 euros.", note="the new list")
    held = withdraw(label, by=expert)
    draft = Draft.objects.get(task=label.task, by=expert).content
    assert (draft["rewrite"], draft["note"]) == ("It costs 39 euros.", "the new list")
    assert (held.state, held.task.state) == (Claim.State.HELD, ReviewTask.State.OPEN)
    assert not Label.objects.for_approval_by(moderator).exists()
    assert progress(queue, expert)["done_today"] == 0
    assert sound()


def test_the_label_stays_as_it_was_and_the_next_one_counts(queue, expert, moderator):
    label = make_label(make_task(queue), expert, **FLAWED, rewrite="It costs 39 euros.")
    held = withdraw(label, by=expert)
    better = submit(held.task, by=expert, fence=held.fence, payload={**FLAWED, "rewrite": "It costs 38 euros."})
    assert Label.objects.get(pk=label.pk).rewrite == "It costs 39 euros."
    assert list(Label.objects.for_approval_by(moderator)) == [better]
    assert approve(better, by=moderator)
    assert sound()


def test_it_is_the_next_one_at_hand_before_what_was_claimed_since(queue, expert):
    label = make_label(make_task(queue), expert)
    since = make_task(queue)
    assert claim_next(queue, by=expert).task == since
    held = withdraw(label, by=expert)
    assert claim_next(queue, by=expert).task == label.task
    submit(held.task, by=expert, fence=claim_next(queue, by=expert).fence, payload={"verdict": "good"})
    assert claim_next(queue, by=expert).task == since
    assert sound()


@pytest.mark.parametrize("overlap", [1, 2])
def test_nobody_else_is_offered_its_seat_meanwhile(overlap):
    queue = make_queue(make_project(), overlap=overlap)
    task, people = make_task(queue), [make_member(queue.project) for _ in range(overlap + 1)]
    labels = [make_label(task, person) for person in people[:-1]]
    withdraw(labels[0], by=people[0])
    assert claim_next(queue, by=people[-1]) is None
    assert sound()


def test_once_somebody_decided_on_it_it_stays_and_the_refusal_says_who(queue, expert, moderator):
    approved, returned = (make_label(make_task(queue), expert) for _ in range(2))
    approve(approved, by=moderator)
    send_back(returned, by=moderator, reason="Say why.")
    with pytest.raises(StaleState, match=f"{moderator} has approved it"):
        withdraw(approved, by=expert)
    with pytest.raises(StaleState, match=f"{moderator} has sent it back"):
        withdraw(returned, by=expert)
    assert not Withdrawal.objects.exists()


def test_it_is_taken_back_once(queue, expert):
    label = make_label(make_task(queue), expert)
    withdraw(label, by=expert)
    with pytest.raises(StaleState, match="taken it back before"):
        withdraw(label, by=expert)


def test_nobody_decides_on_what_was_taken_back(queue, expert, moderator):
    label = make_label(make_task(queue), expert)
    withdraw(label, by=expert)
    for decide in (lambda: approve(label, by=moderator), lambda: send_back(label, by=moderator, reason="Why?")):
        with pytest.raises(StaleState, match="took this label back"):
            decide()
    assert not Approval.objects.exists()


def test_only_its_author_takes_it_back_and_only_while_they_may_label(queue, expert, moderator):
    label = make_label(make_task(queue), expert)
    for other in (moderator, make_member(queue.project), make_member(make_project(), Role.ADMIN)):
        with pytest.raises(NotFound):
            withdraw(label, by=other)
    Membership.objects.filter(user=expert).delete()
    with pytest.raises((NotAllowed, NotFound)):
        withdraw(label, by=expert)
    assert not Withdrawal.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_an_approval_and_an_undo_at_the_same_moment_the_first_wins(queue, expert, moderator):
    taken, kept = (make_label(make_task(queue), expert) for _ in range(2))
    told = at_once(lambda: withdraw(taken, by=expert), lambda: approve(taken, by=moderator))
    assert "took this label back" in told.detail
    told = at_once(lambda: approve(kept, by=moderator), lambda: withdraw(kept, by=expert))
    assert "has approved it" in told.detail
    assert (Withdrawal.objects.get().label, Approval.objects.get().label) == (taken, kept)
    assert sound()


class TestOnThePage:
    def test_the_toast_after_a_submit_leads_back_to_it(self, queue, expert):
        held = make_task(queue), claim_next(queue, by=expert)
        page = Client()
        page.force_login(expert)
        address = f"/p/{queue.project.slug}"
        form = {"fence": held[1].fence, "nothing_wrong": "1", "rewrite": "", "note": "", "comments": "[]"}
        shown = page.post(f"{address}/tasks/{held[0].pk}/label/", form, headers={"HX-Request": "true"})
        undo = f"{address}/labels/{Label.objects.get().pk}/withdrawal/"
        assert f'action="{undo}"' in shown.content.decode()
        answer = page.post(undo, follow=True)
        assert answer.redirect_chain == [(f"{address}/q/{queue.slug}/", 302)]
        assert f"Answer {held[0].pk} to judge" in answer.content.decode()

    def test_anothers_label_is_as_if_it_were_not_there(self, queue, expert):
        label = make_label(make_task(queue), expert)
        page = Client()
        page.force_login(make_member(queue.project))
        assert page.post(f"/p/{queue.project.slug}/labels/{label.pk}/withdrawal/").status_code == 404


class TestOverTheApi:
    def test_it_answers_with_the_task_to_judge_anew(self, queue, expert):
        label = make_label(make_task(queue), expert)
        key = make_key(queue.project, "label", person=expert)
        api = Client(headers={"Authorization": f"Bearer {key}"})
        answer = api.post(f"/api/v1/labels/{label.pk}/withdrawal/")
        assert (answer.status_code, answer.json()["task"]) == (201, label.task_id)
        again = api.post(f"/api/v1/labels/{label.pk}/withdrawal/")
        assert (again.status_code, again.json()["code"]) == (409, "stale")
