"""Comments are talked about: replies, mentions, what is settled, and an address for each."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotations.review.actions.threads import reopen, reply, resolve
from annotations.review.models import Reply, Resolution
from labelhub.errors import Invalid, NotFound, StaleState
from labelhub.notices.models import Notice
from labelhub.projects.models import Membership
from labelhub.projects.rights import Role
from tests.annotations.review.meanwhile import at_once
from tests.factories import FLAWED, make_key, make_label, make_member, make_project, make_task

pytestmark = pytest.mark.django_db
SPAN = {"start": 18, "end": 20, "exact": "45", "text": "The new list says 39."}


@pytest.fixture
def label(queue, expert):
    return make_label(make_task(queue), expert, **FLAWED, comments=[SPAN])


@pytest.fixture
def comment(label):
    return label.comments.get()


def told():
    return set(Notice.objects.values_list("user", flat=True))


def test_a_reply_tells_the_author_and_who_answered_before_but_not_oneself(comment, expert, moderator):
    other = make_member(moderator.membership_set.get().project, Role.MODERATOR)
    reply(comment, by=moderator, text="Which list?")
    assert told() == {expert.pk}
    reply(comment, by=other, text="That of May.")
    assert Notice.objects.filter(user=moderator).get().text == "“That of May.”"
    assert list(comment.replies.values_list("text", flat=True)) == ["Which list?", "That of May."]
    assert not Notice.objects.filter(user=other).exists()


def test_a_mention_tells_who_may_see_the_label_and_nobody_else(queue, comment, expert, moderator):
    stranger, another_expert = make_member(make_project(), Role.MODERATOR), make_member(queue.project)
    second = make_member(queue.project, Role.MODERATOR, name="Omar Haddad")
    text = f"@OmarHaddad, @{stranger.email} and @{another_expert.email}: is it 39?"
    reply(comment, by=expert, text=text)
    assert told() == {second.pk}


def test_who_is_mentioned_in_a_comment_is_told_when_it_is_submitted(queue, expert, moderator):
    make_label(make_task(queue), expert, **FLAWED, comments=[{**SPAN, "text": f"@{moderator.email} look."}])
    notice = Notice.objects.get()
    assert (notice.user, notice.by) == (moderator, expert)
    assert "#comment-" in notice.path


def test_a_thread_is_settled_and_opened_again(comment, expert, moderator):
    resolve(comment, by=moderator)
    with pytest.raises(StaleState):
        resolve(comment, by=expert)
    reopen(comment, by=expert)
    with pytest.raises(StaleState):
        reopen(comment, by=expert)
    assert not Resolution.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_who_settle_it_at_once_one_is_told(comment, expert, moderator):
    assert isinstance(at_once(lambda: resolve(comment, by=expert), lambda: resolve(comment, by=moderator)), StaleState)


@pytest.mark.parametrize("text", ["", "  \n", "x" * 10_001])
def test_an_empty_or_endless_reply_is_refused(comment, expert, text):
    with pytest.raises(Invalid):
        reply(comment, by=expert, text=text)


def test_who_may_not_see_the_label_neither_answers_nor_settles(queue, comment, expert):
    for person in (make_member(queue.project), make_member(make_project(), Role.ADMIN)):
        with pytest.raises(NotFound):
            reply(comment, by=person, text="I am not here.")
        with pytest.raises(NotFound):
            resolve(comment, by=person)
    Membership.objects.filter(user=expert).delete()
    with pytest.raises(NotFound):
        reply(comment, by=expert, text="Nor am I.")


# Pages and HTTP.


def page_of(label):
    return f"/p/{label.project.slug}/labels/{label.pk}/"


def test_the_label_has_a_page_with_its_threads_for_its_author_and_who_approves(
    label, comment, expert, moderator, client
):
    reply(comment, by=moderator, text="Which <b>list</b>?")
    for person in (expert, moderator):
        client.force_login(person)
        page = client.get(page_of(label)).content.decode()
        assert f'id="comment-{comment.pk}"' in page
        assert "Which &lt;b&gt;list&lt;/b&gt;?" in page
    client.force_login(make_member(label.project))
    assert client.get(page_of(label)).status_code == 404


def test_the_page_takes_as_many_queries_for_ten_comments_as_for_one(queue, expert, moderator, client):
    client.force_login(expert)

    def queries(number):
        label = make_label(make_task(queue), expert, **FLAWED, comments=[SPAN] * number)
        for comment in label.comments.all():
            reply(comment, by=moderator, text="Why?")
            resolve(comment, by=moderator)
        with CaptureQueriesContext(connection) as caught:
            assert client.get(page_of(label)).status_code == 200
        return len(caught)

    assert queries(1) == queries(10)


def test_by_form_one_comes_back_to_the_comment_and_htmx_gets_the_thread(label, comment, expert, client):
    client.force_login(expert)
    path = f"/p/{label.project.slug}/comments/{comment.pk}/"
    assert client.post(f"{path}replies/", {"text": "39."}).url == f"{page_of(label)}#comment-{comment.pk}"
    thread = client.post(f"{path}resolution/", headers={"HX-Request": "true"}).content.decode()
    assert "Resolved by" in thread
    assert "39." in thread
    assert (
        "Resolved by"
        not in client.post(f"{path}resolution/", {"reopen": "1"}, headers={"HX-Request": "true"}).content.decode()
    )


def test_over_http_threads_stand_beside_the_label(label, comment, expert, moderator):
    client = Client(headers={"Authorization": f"Bearer {make_key(label.project, 'label', person=expert)}"})
    made = client.post(f"/api/v1/comments/{comment.pk}/replies/", {"text": "39."}, "application/json")
    assert (made.status_code, made.json()["threads"][0]["replies"][0]["text"]) == (201, "39.")
    assert client.put(f"/api/v1/comments/{comment.pk}/resolution/").status_code == 204
    assert client.get(f"/api/v1/labels/{label.pk}/").json()["threads"][0]["resolved"] is True
    assert client.delete(f"/api/v1/comments/{comment.pk}/resolution/").status_code == 204
    assert Reply.objects.get().by == expert
