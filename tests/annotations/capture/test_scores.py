"""Metrics and their versions; scores as they are sent in, and as an answer's own text tells them."""

import json

import pytest
from django.test import Client

from annotations.capture.actions.scores import Definition, measure, save_metric
from annotations.capture.heuristics import groundedness
from annotations.capture.models import Interaction, Metric, Score
from labelhub.errors import Invalid, NotAllowed, StaleState
from labelhub.projects.rights import Role
from tests.factories import make_interaction, make_key, make_member, make_metric, make_project, make_rubric

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return make_project()


@pytest.fixture
def moderator(project):
    return make_member(project, Role.MODERATOR)


@pytest.fixture
def key(project):
    return make_key(project, "ingest")


def send(key, *items, path="scores", method="post"):
    body = {"items": list(items)} if path == "scores" else items[0]
    text = body if isinstance(body, str) else json.dumps(body)
    headers = {"Authorization": f"Bearer {key}"}
    return getattr(Client(), method)(f"/api/v1/{path}/", text, content_type="application/json", headers=headers)


def statuses(response):
    return [item["status"] for item in response.json()["items"]]


def test_a_batch_answers_per_item_and_stores_what_is_valid(project, key):
    make_metric(project)
    make_metric(project, "topic", kind="class")
    make_interaction(project, external_id="call-1")
    elsewhere = make_project()
    make_interaction(elsewhere, external_id="call-2")
    make_metric(elsewhere, "theirs")
    answer = send(
        key,
        {"interaction": "call-1", "metric": "tone", "value": 1, "note": "kind\r\nenough"},
        {"interaction": "call-1", "metric": "topic", "label": "prices"},
        {"interaction": "call-2", "metric": "tone", "value": 1},
        {"interaction": "call-1", "metric": "theirs", "value": 1},
        {"interaction": "call-1", "metric": "tone", "label": "kind"},
        {"interaction": "call-1", "metric": "topic", "value": 1},
        {"interaction": "call-1", "metric": "tone", "value": True},
        {"interaction": "call-1", "metric": "tone", "value": 1e10},
        {"interaction": "call-1", "metric": "tone", "value": 1, "colour": "red"},
        "nothing",
    )
    assert answer.status_code == 207
    assert statuses(answer) == ["created", "created", "unknown", *["invalid"] * 7]
    assert "theirs" in answer.json()["items"][3]["error"]
    stored = Score.objects.order_by("pk").values_list("metric__name", "value", "label", "note")
    assert list(stored) == [("tone", 1.0, "", "kind\nenough"), ("topic", None, "prices", "")]


def test_the_same_score_again_is_replayed_and_another_one_is_a_conflict(project, key):
    make_metric(project)
    make_interaction(project, external_id="call-1")
    one = {"interaction": "call-1", "metric": "tone", "value": 0.25}
    first = send(key, one, one)
    assert statuses(first) == ["created", "replayed"]
    again = send(key, one, {**one, "value": 0.5})
    assert statuses(again) == ["replayed", "conflict"]
    assert again.json()["items"][0]["id"] == first.json()["items"][0]["id"]
    assert Score.objects.get().value == 0.25


def test_people_score_the_same_answer_each_for_themselves_and_a_heuristic_once(project):
    make_metric(project)
    make_metric(project, "length", source=Metric.Source.HEURISTIC)
    make_interaction(project, external_id="call-1")
    keys = [make_key(project, "ingest", person=make_member(project, Role.MODERATOR)) for _ in range(2)]
    items = [{"interaction": "call-1", "metric": name, "value": 1} for name in ("tone", "length")]
    assert [statuses(send(key, *items)) for key in keys] == [["created", "created"], ["created", "replayed"]]


def test_what_labelhub_gives_itself_nobody_sends(project, key):
    make_rubric(project)
    make_interaction(project, external_id="call-1")
    answer = send(key, {"interaction": "call-1", "metric": "judge", "value": 1})
    assert statuses(answer) == ["invalid"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_a_number_that_is_none_is_refused_whole(project, key, number):
    make_metric(project)
    make_interaction(project, external_id="call-1")
    text = '{"items": [{"interaction": "call-1", "metric": "tone", "value": NUMBER}]}'.replace("NUMBER", number)
    headers = {"Authorization": f"Bearer {key}"}
    answer = Client().post("/api/v1/scores/", text, content_type="application/json", headers=headers)
    assert answer.status_code == 400
    assert not Score.objects.exists()


def test_a_key_of_another_scope_is_refused(project):
    for scope in ("read", "feedback", "inject"):
        assert send(make_key(project, scope), {}).status_code == 403


def test_a_new_version_takes_the_scores_that_come_and_leaves_the_earlier_ones(project, key, moderator):
    old = make_metric(project)
    make_interaction(project, external_id="call-1")
    score = {"interaction": "call-1", "metric": "tone", "value": 1}
    send(key, score)
    new = save_metric(project, Definition("tone", "person", "Is it kind and short?"), after=1, by=moderator)
    assert statuses(send(key, score)) == ["created"]
    assert (new.version, old.scores.count(), new.scores.count()) == (2, 1, 1)
    assert list(Metric.objects.current()) == [new]


def test_of_two_who_save_at_once_the_second_is_told(project, moderator):
    make_metric(project)
    for version in (2, 3):
        save_metric(project, Definition("tone", "person", f"Version {version}"), after=version - 1, by=moderator)
    with pytest.raises(StaleState, match="tone 3 was saved meanwhile"):
        save_metric(project, Definition("tone", "person", "mine"), after=2, by=moderator)


@pytest.mark.parametrize(
    ("new", "field"),
    [
        (Definition("", "person", "What?"), "name"),
        (Definition(" tone", "person", "What?"), "name"),
        (Definition("expert", "person", "What?"), "name"),
        (Definition("groundedness", "heuristic", "What?"), "name"),
        (Definition("judge", "person", "What?", threshold=0.5), "name"),
        (Definition("tone", "person", " \n"), "description"),
        (Definition("tone", "person", "x" * 8_001), "description"),
        (Definition("judge", "judge", "What?", threshold=0.5, share=1.1), "share"),
        (Definition("judge", "judge", "What?", threshold=0.5, share=float("nan")), "share"),
        (Definition("judge", "judge", "What?", threshold=float("nan")), "threshold"),
        (Definition("judge", "judge", "What?"), "threshold"),
        (Definition("judge", "judge", "What?", kind="class", threshold=0.5), "threshold"),
    ],
)
def test_a_definition_that_cannot_be_is_refused_by_its_field(project, moderator, new, field):
    with pytest.raises(Invalid) as refused:
        save_metric(project, new, after=0, by=moderator)
    assert refused.value.extra["field"] == field


def test_a_metric_keeps_its_source_and_its_kind(project, moderator):
    make_metric(project)
    for changed in (Definition("tone", "signal", "What?"), Definition("tone", "person", "What?", kind="class")):
        with pytest.raises(Invalid, match="keeps its source"):
            save_metric(project, changed, after=1, by=moderator)


def test_an_expert_defines_nothing(project):
    with pytest.raises(NotAllowed):
        save_metric(project, Definition("tone", "person", "What?"), after=0, by=make_member(project))


def test_metrics_are_defined_and_read_over_the_api(project, moderator):
    key = make_key(project, "read", "approve", person=moderator)
    body = {"name": "tone", "source": "person", "description": "Is it kind?", "threshold": 0.5, "after": 0}
    assert send(key, body, path="metrics", method="put").json()["version"] == 1
    assert send(key, body, path="metrics", method="put").status_code == 409
    for wrong in ({"after": True}, {"after": -1}, {"source": "oracle"}, {"share": 2}, {"colour": "red"}):
        assert send(key, {**body, **wrong}, path="metrics", method="put").status_code == 422
    listed = Client().get("/api/v1/metrics/", headers={"Authorization": f"Bearer {key}"}).json()["items"]
    assert [(one["name"], one["version"], one["kind"]) for one in listed] == [("tone", 1, "number")]
    assert send(make_key(project, "read"), body, path="metrics", method="put").status_code == 403


def test_an_interaction_is_read_with_its_scores(project, key):
    make_metric(project)
    row = make_interaction(project, external_id="call-1")
    send(key, {"interaction": "call-1", "metric": "tone", "value": 0.25})
    reader = make_key(project, "read")
    body = Client().get(f"/api/v1/interactions/{row.pk}/", headers={"Authorization": f"Bearer {reader}"}).json()
    assert [(one["metric"], one["version"], one["value"]) for one in body["scores"]] == [("tone", 1, 0.25)]


@pytest.mark.parametrize(
    ("output", "documents", "value"),
    [
        ("It takes 3 days and costs 40 euros.", [{"text": "3 days"}], 0.5),
        ("It takes 3 days, truly 3.", [{"text": "3 days"}], 1.0),
        ("It takes 4 days.", [{"text": "3 days"}], 0.0),
        ("It takes days.", [{"text": "3 days"}], None),
        ("It takes 4 days.", [], None),
        ("It takes 4 days.", [{"title": "no text"}, "odd"], None),
    ],
)
def test_groundedness_is_the_share_of_numbers_that_a_source_has(output, documents, value):
    assert groundedness(Interaction(output=output, documents=documents)) == value


def test_answers_are_measured_once_however_often_they_are_read(project):
    rows = [make_interaction(project, output="4 days", documents=[{"text": text}]) for text in ("3", "4", "")]
    for _ in range(2):
        measure(project, rows)
    assert list(Score.objects.order_by("pk").values_list("interaction", "value")) == [(rows[0].pk, 0), (rows[1].pk, 1)]
    assert str(Score.objects.first()) == "groundedness 0.00"
