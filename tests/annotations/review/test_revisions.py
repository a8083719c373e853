"""A new version of an approved label: what was approved counts until somebody approves the new one."""

import pytest
from django.test import Client

from annotations.review.actions.approvals import approve, send_back
from annotations.review.actions.claims import claim_next
from annotations.review.actions.drafts import save_draft
from annotations.review.actions.labels import revisable, revise, withdraw
from annotations.review.invariants import FOUR_EYES, SEATS
from annotations.review.models import Approval, Claim, Draft, Label, ReviewTask
from labelhub.errors import Invalid, NotAllowed, NotFound, StaleState
from labelhub.invariants import look
from labelhub.projects.models import Membership
from tests.annotations.review.meanwhile import at_once
from tests.factories import FLAWED, make_key, make_label, make_member, make_task

pytestmark = [pytest.mark.django_db, pytest.mark.bar("3a-22")]
BETTER = {**FLAWED, "rewrite": "The lantern costs 38 euros."}


@pytest.fixture
def label(queue, expert, moderator):
    """Approved."""
    label = make_label(make_task(queue), expert)
    approve(label, by=moderator)
    return label


@pytest.fixture(autouse=True)
def sound(db):
    yield
    assert not [one.name for one in [*SEATS, *FOUR_EYES] if look(one).breaches]


def gold(label):
    return Approval.objects.current().get(interaction=label.task.interaction).label


def state_of(label):
    return ReviewTask.objects.get(pk=label.task_id).state


def test_the_new_version_waits_and_the_approved_one_counts_until_it_is_approved(label, expert, moderator):
    better = revise(label, by=expert, payload=BETTER)
    assert (better.revises, state_of(label), gold(label)) == (label, "submitted", label)
    assert list(Label.objects.for_approval_by(moderator)) == [better]
    approve(better, by=moderator)
    assert (state_of(label), gold(label)) == ("approved", better)
    assert Label.objects.get(pk=label.pk).rewrite == "The lantern costs 39 euros."
    assert revisable(label.task, expert) == better


def test_nobody_is_offered_the_task_meanwhile(label, expert, queue):
    revise(label, by=expert, payload=BETTER)
    assert claim_next(queue, by=make_member(queue.project)) is None


def test_taken_back_or_sent_back_the_version_before_it_stands_again_and_no_word_is_lost(label, expert, moderator):
    assert withdraw(revise(label, by=expert, payload=BETTER), by=expert) == label
    assert (state_of(label), gold(label)) == ("approved", label)
    assert Draft.objects.get(task=label.task, by=expert).content["rewrite"] == BETTER["rewrite"]
    send_back(revise(label, by=expert, payload=BETTER), by=moderator, reason="39 is right.")
    assert (state_of(label), gold(label)) == ("approved", label)
    assert revise(label, by=expert, payload=BETTER).revises == label


def test_what_is_typed_is_kept_as_at_the_desk(label, expert):
    held = Claim.objects.get(task=label.task, by=expert)
    save_draft(label.task, by=expert, fence=held.fence, version=0, content={"rewrite": "Half a"})
    with pytest.raises(StaleState, match="Another tab"):
        save_draft(label.task, by=expert, fence=held.fence, version=0, content={"rewrite": "Other"})
    revise(label, by=expert, payload=BETTER)
    assert not Draft.objects.exists()
    with pytest.raises(StaleState, match="do not hold"):
        save_draft(label.task, by=expert, fence=held.fence, version=0, content={"rewrite": "Too late"})


def test_what_waits_was_sent_back_or_is_revised_before_is_refused(queue, label, expert, moderator):
    waiting, returned = (make_label(make_task(queue), expert) for _ in range(2))
    send_back(returned, by=moderator, reason="Look again.")
    for one in (waiting, returned):
        with pytest.raises(StaleState, match="Nobody has approved it"):
            revise(one, by=expert, payload=BETTER)
    revise(label, by=expert, payload=BETTER)
    with pytest.raises(StaleState, match="revised it before"):
        revise(label, by=expert, payload={"verdict": "good"})


def test_a_version_that_changes_nothing_is_none(label, expert):
    same = {**FLAWED, "rewrite": label.rewrite, "active_seconds": 3}
    with pytest.raises(Invalid, match="Nothing is changed"):
        revise(label, by=expert, payload=same)
    assert Label.objects.count() == 1


def test_only_its_author_revises_it_and_only_as_a_member(label, expert, moderator):
    with pytest.raises(NotFound):
        revise(label, by=moderator, payload=BETTER)
    Membership.objects.filter(user=expert).delete()
    with pytest.raises(NotAllowed):
        revise(label, by=expert, payload=BETTER)


def test_the_author_does_not_approve_their_new_version(label, expert):
    better = revise(label, by=expert, payload=BETTER)
    Membership.objects.filter(user=expert).update(role="moderator")
    with pytest.raises(NotAllowed):
        approve(better, by=expert)


@pytest.mark.django_db(transaction=True)
def test_of_two_tabs_that_revise_at_once_one_is_refused(label, expert):
    first, second = ({**FLAWED, "rewrite": f"It costs {n}."} for n in (38, 37))
    answer = at_once(
        lambda: revise(label, by=expert, payload=first),
        lambda: revise(Label.objects.get(pk=label.pk), by=expert, payload=second),
    )
    assert isinstance(answer, StaleState)
    assert Label.objects.filter(revises=label).count() == 1


# By page and over HTTP.


def page_of(label):
    return f"/p/{label.project.slug}/labels/{label.pk}/revision/"


def test_the_desk_comes_with_everything_said_and_what_is_submitted_waits(label, expert, client):
    client.force_login(expert)
    assert page_of(label) in client.get(f"/p/{label.project.slug}/labels/").content.decode()
    page = client.get(page_of(label))
    assert label.rewrite in page.content.decode()
    form = {"fence": page.context["claim"].fence, "category": "factually-incorrect", "rewrite": BETTER["rewrite"]}
    assert client.post(page_of(label), form).url == f"/p/{label.project.slug}/labels/"
    better = Label.objects.get(revises=label)
    mine = client.get(f"/p/{label.project.slug}/labels/").content.decode()
    assert page_of(label) not in mine
    assert f"/labels/{better.pk}/withdrawal/" in mine


def test_what_is_refused_comes_back_with_every_word(label, expert, client):
    client.force_login(expert)
    client.post(page_of(label), {"category": "factually-incorrect", "rewrite": BETTER["rewrite"]})
    again = client.post(page_of(label), {"category": "factually-incorrect", "rewrite": "A third answer."})
    assert (again.status_code, "revised it before" in again.content.decode()) == (409, True)
    assert "A third answer." in again.content.decode()


def test_an_undo_that_comes_too_late_offers_a_new_version(label, expert, client):
    client.force_login(expert)
    late = client.post(f"/p/{label.project.slug}/labels/{label.pk}/withdrawal/")
    assert (late.status_code, page_of(label) in late.content.decode()) == (409, True)


def test_an_undo_of_the_new_version_leads_back_to_it_with_its_words(label, expert, client):
    better = revise(label, by=expert, payload=BETTER)
    client.force_login(expert)
    back = client.post(f"/p/{label.project.slug}/labels/{better.pk}/withdrawal/")
    assert back.url == page_of(label)
    assert BETTER["rewrite"] in client.get(back.url).content.decode()


def test_the_second_person_sees_what_it_changes(label, expert, moderator, client):
    better = revise(label, by=expert, payload=BETTER)
    client.force_login(moderator)
    page = client.get(f"/p/{label.project.slug}/approvals/{better.pk}/").content.decode()
    assert "A new version" in page
    assert "<ins>38</ins>" in page


def test_anothers_label_or_one_that_nobody_approved_has_no_such_page(label, queue, expert, moderator, client):
    client.force_login(moderator)
    assert client.get(page_of(label)).status_code == 404
    client.force_login(expert)
    assert client.get(page_of(make_label(make_task(queue), expert))).status_code == 409


def test_over_http_a_label_is_revised_and_the_revision_taken_back(label, expert, queue):
    auth = {"HTTP_AUTHORIZATION": f"Bearer {make_key(queue.project, 'label', person=expert)}"}
    client = Client(**auth)
    made = client.post(f"/api/v1/labels/{label.pk}/revision/", BETTER, "application/json")
    assert (made.status_code, made.json()["revises"], made.json()["rewrite"]) == (201, label.pk, BETTER["rewrite"])
    back = client.post(f"/api/v1/labels/{made.json()['id']}/withdrawal/")
    assert (back.status_code, back.json()["id"]) == (201, label.pk)
    assert state_of(label) == "approved"
