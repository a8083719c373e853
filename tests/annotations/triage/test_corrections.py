"""A moderator takes an end user's better answer: it is their label, which a second person approves."""

import pytest
from django.test import Client

from annotations.capture.models import Feedback
from annotations.review.actions.approvals import approve
from annotations.review.actions.work import Work, add_tasks
from annotations.review.models import Label, ReviewTask
from annotations.triage.actions.corrections import accept_correction
from annotations.triage.actions.decisions import undo
from annotations.triage.actions.flags import raise_flags, rules_of
from annotations.triage.board import on_board
from annotations.triage.models import Decision
from labelhub.errors import Invalid, NotAllowed, NotFound, StaleState
from labelhub.keys.models import Scope
from labelhub.projects.rights import Role
from tests.factories import make_claim, make_feedback, make_interaction, make_key, make_member, make_project, make_queue

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hashed_static")]
BETTER = "The lantern costs 39 euros."


@pytest.fixture
def project():
    return make_project()


@pytest.fixture
def moderator(project):
    return make_member(project, Role.MODERATOR, name="Omar")


@pytest.fixture
def queue(project):
    return make_queue(project)


@pytest.fixture
def sign(project):
    sign = make_feedback(make_interaction(project), "rewrite", text=BETTER)
    raise_flags(project, [(rules_of(project)[0], sign.interaction, "a better answer")])
    return sign


def test_it_becomes_a_label_of_the_moderator_that_remembers_whose_words_it_is(project, moderator, queue, sign):
    accept_correction(sign, queue=queue, by=moderator, rewrite=BETTER)
    label = Label.objects.get()
    assert (label.author, label.origin, label.rewrite, label.verdict) == (moderator, sign, BETTER, "flawed")
    assert not on_board(project).exists()
    assert label.task.state == ReviewTask.State.SUBMITTED


@pytest.mark.bar("S12")
def test_whoever_took_it_does_not_approve_it(project, moderator, queue, sign):
    accept_correction(sign, queue=queue, by=moderator, rewrite=BETTER)
    with pytest.raises(NotAllowed):
        approve(Label.objects.get(), by=moderator)
    assert approve(Label.objects.get(), by=make_member(project, Role.MODERATOR)).label.gold == BETTER


def test_it_may_be_mended_but_says_something_else_than_the_answer(moderator, queue, sign):
    for wrong in "", "  ", sign.interaction.output:
        with pytest.raises(Invalid):
            accept_correction(sign, queue=queue, by=moderator, rewrite=wrong)
    assert not Decision.objects.exists()
    accept_correction(sign, queue=queue, by=moderator, rewrite="It costs 39 euros.")
    assert Label.objects.get().gold == "It costs 39 euros."


def test_undone_nothing_of_it_is_left_until_somebody_has_decided_on_it(project, moderator, queue, sign):
    undo(accept_correction(sign, queue=queue, by=moderator, rewrite=BETTER), by=moderator)
    assert not Label.objects.exists()
    assert not ReviewTask.objects.exists()
    assert on_board(project).get() == sign.session
    decision = accept_correction(sign, queue=queue, by=moderator, rewrite=BETTER)
    approve(Label.objects.get(), by=make_member(project, Role.MODERATOR))
    with pytest.raises(StaleState):
        undo(decision, by=moderator)


def test_where_somebody_judges_the_answer_it_is_left_to_them(project, moderator, queue, sign):
    add_tasks(queue, [Work(sign.interaction_id, "by hand")], by=moderator)
    make_claim(ReviewTask.objects.get(), make_member(project))
    with pytest.raises(StaleState):
        accept_correction(sign, queue=queue, by=moderator, rewrite=BETTER)
    assert on_board(project).exists()


def test_only_a_better_answer_is_taken_and_only_into_a_queue_of_its_project(project, moderator, queue, sign):
    with pytest.raises(NotFound):
        accept_correction(sign, queue=make_queue(make_project()), by=moderator, rewrite=BETTER)
    thumb = make_feedback(sign.interaction)
    with pytest.raises(NotFound):
        accept_correction(thumb, queue=queue, by=moderator, rewrite=BETTER)
    with pytest.raises(NotAllowed):
        accept_correction(sign, queue=queue, by=make_member(project), rewrite=BETTER)


def test_on_the_board_it_is_offered_where_an_end_user_wrote_one(project, moderator, queue, sign):
    other = make_interaction(project)
    raise_flags(project, [(rules_of(project)[0], other, "thumb down")])
    client = Client()
    client.force_login(moderator)
    at = f"/p/{project.slug}/triage"
    assert 'id="correction"' in client.get(f"{at}/{sign.session_id}/").content.decode()
    assert 'id="correction"' not in client.get(f"{at}/{other.session_id}/").content.decode()
    body = {"sign": sign.pk, "queue": queue.slug, "rewrite": BETTER}
    assert client.post(f"{at}/{other.session_id}/correction/", body).status_code == 404
    client.post(f"{at}/{sign.session_id}/correction/", body)
    assert Decision.objects.get().kind == Decision.Kind.CORRECTION


def test_over_the_api_too(project, moderator, queue, sign):
    key = {"Authorization": f"Bearer {make_key(project, Scope.APPROVE, person=moderator)}"}
    body = {"session": sign.session_id, "kind": "correction", "feedback": sign.pk, "queue": queue.slug}
    unknown = Client().post("/api/v1/decisions/", {**body, "feedback": 2**40}, "application/json", headers=key)
    assert unknown.status_code == 404
    made = Client().post("/api/v1/decisions/", body, "application/json", headers=key)
    assert made.status_code == 201, made.content
    assert Label.objects.get().rewrite == BETTER
    assert Feedback.objects.get(pk=sign.pk).text == BETTER
