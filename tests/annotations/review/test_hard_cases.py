"""What goes wrong while somebody judges: the ground moves under them, or what they send does not hold."""

import json

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotations.review.actions.claims import claim
from annotations.review.actions.drafts import save_draft
from annotations.review.actions.labels import submit
from annotations.review.actions.queues import update_queue
from annotations.review.models import Claim, Draft, Label, ReviewTask, SpanComment
from labelhub.errors import Invalid, NotFound, StaleState
from labelhub.keys.models import Scope
from labelhub.projects.actions import save_taxonomy
from labelhub.projects.models import Entry, Membership
from labelhub.projects.rights import Role
from tests.annotations.review.meanwhile import at_once
from tests.factories import (
    FLAWED,
    make_claim,
    make_interaction,
    make_key,
    make_label,
    make_member,
    make_project,
    make_queue,
    make_task,
)

pytestmark = pytest.mark.django_db
BOMB = "\U0001f4a9This is an annotation."


@pytest.fixture
def ask(queue, expert):
    """ask(method, path, body): as the expert, with a key of theirs."""
    client = Client(headers={"Authorization": f"Bearer {make_key(queue.project, Scope.LABEL, person=expert)}"})
    return lambda method, path, body=None: getattr(client, method)(
        f"/api/v1/{path}", None if body is None else json.dumps(body), content_type="application/json"
    )


def judgement(*spans, fence=1):
    return {**FLAWED, "fence": fence, "comments": [{"text": "here", **span} for span in spans]}


@pytest.mark.bar("3a-20")
@pytest.mark.django_db(transaction=True)
def test_of_two_submits_at_the_same_moment_one_is_kept():
    queue = make_queue(make_project())
    expert, task = make_member(queue.project), make_task(queue)
    fence = make_claim(task, expert).fence
    again = lambda: submit(task, by=expert, fence=fence, payload={"verdict": "good"})  # noqa: E731
    assert isinstance(at_once(again, again), StaleState)
    assert Label.objects.count() == 1


@pytest.mark.bar("3a-24")
def test_of_what_is_deleted_while_somebody_judges_it_every_act_says_that_it_is_gone(queue, expert, ask):
    task = make_task(queue)
    held = claim(task, by=expert)
    save_draft(task, by=expert, fence=held.fence, version=0, content={"note": "mine"})
    task.interaction.delete()
    with pytest.raises(NotFound):
        submit(task, by=expert, fence=held.fence, payload={"verdict": "good"})
    for method, path, body in [
        ("put", "draft/", {"fence": 1, "version": 1, "content": {}}),
        ("post", "labels/", judgement()),
        ("patch", "claim/", {"skip": "gone"}),
    ]:
        assert ask(method, f"tasks/{task.pk}/{path}", body).status_code == 404
    assert ask("post", f"queues/{queue.slug}/claim/").status_code == 204


@pytest.mark.bar("3a-25")
def test_with_fewer_judgements_wanted_a_task_closes_with_every_label_that_it_has(queue, expert, moderator):
    update_queue(queue, by=moderator, overlap=3)
    task = make_task(queue)
    labels = [make_label(task, make_member(queue.project)) for _ in range(2)]
    held = claim(task, by=expert)
    update_queue(queue, by=moderator, overlap=1)
    task.refresh_from_db()
    assert task.state == ReviewTask.State.SUBMITTED
    assert list(Label.objects.waiting().order_by("pk")) == labels
    with pytest.raises(StaleState):
        submit(task, by=expert, fence=held.fence, payload={"verdict": "good"})
    assert not Claim.objects.live().exists()


@pytest.mark.bar("3a-26")
def test_a_category_that_is_gone_meanwhile_is_a_conflict_and_what_was_typed_is_kept(queue, expert, ask):
    task = make_task(queue)
    held = claim(task, by=expert)
    typed = {**FLAWED, "rewrite": "The lantern costs 39 euros."}
    save_draft(task, by=expert, fence=held.fence, version=0, content=typed)
    by = Membership.objects.get(project=queue.project, role=Role.ADMIN).user
    save_taxonomy(queue.project, [Entry("other", "Other")], after=1, by=by)
    answer = ask("post", f"tasks/{task.pk}/labels/", {**typed, "fence": held.fence})
    assert (answer.status_code, answer.json()["code"]) == (409, "stale")
    assert "The categories have changed: Factually incorrect" in answer.json()["detail"]
    assert Draft.objects.get(task=task).content == typed
    anew = {**typed, "categories": [{"category": "other"}]}
    label = submit(Claim.objects.get(pk=held.pk).task, by=expert, fence=held.fence, payload=anew)
    assert label.taxonomy.version == 2


@pytest.mark.bar("3a-26")
def test_a_category_that_there_was_never_is_a_mistake_still(queue, expert):
    task = make_task(queue)
    with pytest.raises(Invalid, match="there is no category"):
        submit(task, by=expert, fence=claim(task, by=expert).fence,
               payload={"verdict": "flawed", "categories": [{"category": "never"}]})  # fmt: skip


@pytest.mark.bar("3a-27")
@pytest.mark.parametrize(
    "span",
    [
        {"start": 11, "end": 4, "exact": "lantern"}, {"start": 4, "end": 999, "exact": "lantern"},
        {"start": -23, "end": 11, "exact": "lantern"}, {"start": 4.0, "end": 11, "exact": "lantern"},
        {"start": 4, "end": 4, "exact": ""}, {"start": "4", "end": 11, "exact": "lantern"},
    ],
)  # fmt: skip
def test_a_span_that_does_not_hold_is_422_and_the_task_is_held_on(queue, expert, ask, span):
    held = claim(make_task(queue), by=expert)
    answer = ask("post", f"tasks/{held.task_id}/labels/", judgement(span))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert not Label.objects.exists()
    assert Claim.objects.live().get() == held


@pytest.mark.bar("3a-28")
def test_offsets_behind_an_emoji_are_code_points_over_the_api_too_and_those_of_utf_16_are_refused(queue, expert, ask):
    held = claim(make_task(queue, make_interaction(queue.project, output=BOMB)), by=expert)
    of_utf_16 = {"start": 13, "end": 23, "exact": "annotation"}
    refused = ask("post", f"tasks/{held.task_id}/labels/", judgement(of_utf_16))
    assert (refused.status_code, "Count code points" in refused.json()["detail"]) == (422, True)
    label = ask("post", f"tasks/{held.task_id}/labels/", judgement({**of_utf_16, "start": 12, "end": 22})).json()
    span, output = label["comments"][0], label["interaction"]["output"]
    assert (span["start"], span["end"]) == (12, 22)
    assert output[span["start"] : span["end"]] == span["exact"] == "annotation"


@pytest.mark.bar("3a-29")
def test_ten_thousand_spans_are_saved_with_as_many_queries_as_ten(queue, expert):
    def queries(number):
        task = make_task(queue, make_interaction(queue.project, output="word " * number))
        spans = [{"start": 5 * n, "end": 5 * n + 4, "exact": "word"} for n in range(number)]
        fence = claim(task, by=expert).fence
        with CaptureQueriesContext(connection) as caught:
            submit(task, by=expert, fence=fence, payload={**judgement(*spans), "fence": fence})
        return len(caught)

    assert queries(10_000) == queries(10)
    assert SpanComment.objects.count() == 10_010


@pytest.mark.bar("3a-29")
@pytest.mark.usefixtures("hashed_static")
def test_the_desk_and_the_label_show_a_thousand_spans_with_as_many_queries_as_ten(queue, expert, client):
    client.force_login(expert)

    def shown(path):
        with CaptureQueriesContext(connection) as caught:
            assert client.get(f"/p/{queue.project.slug}/{path}").status_code == 200
        return len(caught)

    def queries(number):
        held = claim(make_task(queue, make_interaction(queue.project, output="word " * number)), by=expert)
        spans = [{"start": 5 * n, "end": 5 * n + 4, "exact": "word", "text": "here"} for n in range(number)]
        content = {**FLAWED, "comments": spans}
        save_draft(held.task, by=expert, fence=held.fence, version=0, content=content)
        desk = shown(f"q/{queue.slug}/")
        return desk, shown(f"labels/{submit(held.task, by=expert, fence=held.fence, payload=content).pk}/")

    queries(1)  # the first page of all asks for more, once
    assert queries(1_000) == queries(10)
