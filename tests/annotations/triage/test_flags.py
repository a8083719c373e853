"""An expert who judges an answer may ask a moderator to look at it; judging goes on."""

import pytest
from django.test import Client

from annotations.review.models import Claim
from annotations.triage.actions.decisions import dismiss
from annotations.triage.actions.flags import flag
from annotations.triage.models import Flag
from labelhub.errors import Invalid, NotAllowed, StaleState
from labelhub.projects.rights import Role
from tests.factories import make_claim, make_key, make_member, make_project, make_queue, make_task

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hashed_static")]


@pytest.fixture
def task():
    return make_task(make_queue(make_project()))


@pytest.fixture
def expert(task):
    return make_member(task.project)


def test_it_stands_on_the_board_with_who_raised_it_and_why(task, expert):
    raised = flag(task.interaction, by=expert, reason="  It names a customer.  ")
    moderator = Client()
    moderator.force_login(make_member(task.project, Role.MODERATOR))
    shown = moderator.get(f"/p/{task.project.slug}/triage/{raised.session_id}/").content.decode()
    assert "It names a customer." in shown
    assert f"by {expert}" in shown


def test_it_needs_a_reason_that_fits(task, expert):
    for reason in (" ", "x" * 301):
        with pytest.raises(Invalid) as refused:
            flag(task.interaction, by=expert, reason=reason)
        assert refused.value.extra["field"] == "reason"
    with pytest.raises(NotAllowed):
        flag(task.interaction, by=make_member(make_project(), Role.ADMIN), reason="Look.")
    assert not Flag.objects.exists()


def test_one_person_flags_an_answer_once_until_somebody_has_decided_on_it(task, expert):
    raised = flag(task.interaction, by=expert, reason="Look.")
    with pytest.raises(StaleState, match="flagged it already"):
        flag(task.interaction, by=expert, reason="Look again.")
    assert flag(task.interaction, by=make_member(task.project), reason="Me too.")
    dismiss(raised.session, by=make_member(task.project, Role.MODERATOR), reason="fine")
    assert flag(task.interaction, by=expert, reason="Look again.")


def test_the_desk_keeps_the_task_and_says_what_happened(task, expert):
    claim = make_claim(task, expert)
    browser = Client()
    browser.force_login(expert)
    address = f"/p/{task.project.slug}/tasks/{task.pk}/flag/"
    answer = browser.post(address, {"reason": "<b>Look</b>"}, headers={"HX-Request": "true"})
    assert "Flagged. A moderator will look at it" in answer.content.decode()
    assert Flag.objects.get().raised_by == expert
    assert Claim.objects.get(pk=claim.pk).state == Claim.State.HELD
    assert browser.post(address, {"reason": "Again"}).status_code == 409
    stranger = Client()
    stranger.force_login(make_member(make_project(), Role.ADMIN))
    assert stranger.post(address, {"reason": "Look."}).status_code == 404


def test_the_api_flags_it_too(task, expert):
    key = make_key(task.project, "label", person=expert)
    answer = Client(headers={"Authorization": f"Bearer {key}"}).post(
        f"/api/v1/tasks/{task.pk}/flag/", {"reason": "Look."}, content_type="application/json"
    )
    assert (answer.status_code, answer.json()["evidence"]) == (201, "Look.")
    assert Flag.objects.get().raised_by == expert
