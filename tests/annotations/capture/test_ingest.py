import json
import threading

import pytest
from django.db import connection
from django.test import Client

from annotations.capture.actions.ingest import ingest_feedback, ingest_interactions
from annotations.capture.models import Feedback, Interaction, RawPayload
from tests.factories import make_key, make_project

pytestmark = pytest.mark.django_db


def item(n=1, **over):
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"},
                {"role": "assistant", "content": "Hello"}, {"role": "user", "content": f"Question {n}?"}]  # fmt: skip
    return {"external_id": f"i-{n}", "session": "s-1", "messages": messages, "output": f"Answer {n}.", **over}


def send(client, key, path, body):
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    return client.post(
        f"/api/v1/{path}/", text, content_type="application/json", headers={"Authorization": f"Bearer {key}"}
    )


@pytest.fixture
def project():
    return make_project()


@pytest.fixture
def key(project):
    return make_key(project, "ingest", "feedback")


def test_an_interaction_is_stored_with_its_parts_apart(client, project, key):
    answer = send(client, key, "interactions", item(token_logprobs=[-0.5, -1.5], confidence=0.7))
    assert answer.status_code == 201
    row = Interaction.objects.get(pk=answer.json()["id"])
    assert (row.system_context, row.prompt, row.output) == ("Be brief.", "Question 1?", "Answer 1.")
    assert [t["role"] for t in row.turns] == ["user", "assistant"]
    assert row.mean_logprob == -1.0
    assert RawPayload.objects.get(interaction_id=row.pk).body == {"token_logprobs": [-0.5, -1.5]}
    assert row.messages == item()["messages"]


def test_the_same_body_again_is_answered_as_the_first_time_and_another_body_is_a_conflict(client, key):
    first = send(client, key, "interactions", item())
    again = send(client, key, "interactions", dict(reversed(item().items())))
    assert (again.status_code, again.json()) == (200, first.json())
    other = send(client, key, "interactions", item(output="Another answer."))
    assert other.status_code == 409
    assert other["Content-Type"] == "application/problem+json"
    assert Interaction.objects.get().output == "Answer 1."


def test_a_batch_answers_per_item_and_stores_what_is_valid(client, key):
    answer = send(client, key, "interactions/batch", {"items": [item(1), {"external_id": "bad"}, item(2), item(2)]})
    assert answer.status_code == 207
    assert [row["status"] for row in answer.json()["items"]] == ["created", "invalid", "created", "replayed"]
    assert Interaction.objects.count() == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.bar("3a-1")
def test_twenty_parallel_sends_make_one_row_and_one_answer(project):
    key, answers = make_key(project, "ingest"), []

    def post():
        answers.append(send(Client(), key, "interactions", item()))
        connection.close()

    threads = [threading.Thread(target=post) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {a.status_code for a in answers} == {200, 201}
    assert len({a.content for a in answers}) == 1
    assert Interaction.objects.count() == 1


@pytest.mark.bar("3a-17")
def test_feedback_before_its_interaction_is_parked_and_linked_when_that_arrives(project):
    ingest_feedback(project, [{"external_id": "f-1", "interaction": "i-1", "kind": "thumb", "value": -1}])
    assert Feedback.objects.parked().count() == 1
    ingest_interactions(project, [item()])
    sign = Feedback.objects.get()
    assert sign.interaction.external_id == "i-1"
    assert sign.session == sign.interaction.session


@pytest.mark.bar("3a-18")
@pytest.mark.parametrize("value", ["5", True, "up", None, 6, 0])
def test_a_rating_is_a_number_from_one_to_five_and_nothing_is_coerced(project, value):
    outcome = ingest_feedback(project, [{"external_id": "f", "interaction": "i", "kind": "rating", "value": value}])[0]
    assert outcome.status == "invalid"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"null", 400),
        (b"[1]", 400),
        (b'{"a":1,"a":2}', 400),
        (b'{"a":NaN}', 400),
        (b'{"a":1e999}', 400),
        (b'{"a":99999999999999999999}', 400),
        (b"[" * 100_000, 400),
        (b'{"external_id":"x"', 400),
        (b'{"external_id":"\xff"}', 400),
        (b'{"external_id":"x","messages":[],"output":""}', 422),
    ],
)
@pytest.mark.bar("3a-7", "3a-8", "3a-9", "3a-10", "3a-12")
def test_a_bad_body_is_refused_with_a_problem_and_a_reason(client, key, body, status):
    answer = send(client, key, "interactions", body)
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert answer.json()["detail"]
    assert not Interaction.objects.exists()


@pytest.mark.bar("3a-4")
def test_a_body_over_five_megabytes_is_refused_before_it_is_parsed(client, key):
    assert send(client, key, "interactions", b" " * (5 * 1024 * 1024 + 1)).status_code == 413


@pytest.mark.bar("3a-11")
def test_a_foreign_charset_is_refused(client, key):
    answer = client.post(
        "/api/v1/interactions/", json.dumps(item()), content_type="application/json; charset=utf-7",
        headers={"Authorization": f"Bearer {key}"},
    )  # fmt: skip
    assert answer.status_code == 415


@pytest.mark.bar("3a-5", "3a-6")
def test_nul_and_lone_surrogates_are_kept_escaped_and_marked(client, key):
    body = '{"external_id":"i","messages":[{"role":"user","content":"a\\u0000b"}],"output":"x\\ud800y","metadata":{"k\\u0000":"v"}}'
    assert send(client, key, "interactions", body).status_code == 201
    row = Interaction.objects.get()
    assert (row.prompt, row.output, row.metadata) == ("a\\u0000b", "x\\ud800y", {"k\\u0000": "v"})
    assert row.text_escaped


@pytest.mark.bar("3a-14")
def test_odd_clocks_are_marked_and_a_time_without_offset_is_refused(project):
    times = ["1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2016-12-31T23:59:60Z", "2026-11-20T10:00:00"]
    outcomes = ingest_interactions(project, [item(n, occurred_at=t) for n, t in enumerate(times)])
    assert [o.status for o in outcomes] == ["created"] * 3 + ["invalid"]
    assert Interaction.objects.filter(clock_odd=True).count() == 3


def test_a_key_reads_nothing_with_the_ingest_scope_and_never_stands_in_the_address(client, project, key):
    ingest_interactions(project, [item()])
    pk = Interaction.objects.get().pk
    headers = {"Authorization": f"Bearer {key}"}
    assert client.get(f"/api/v1/interactions/{pk}/", headers=headers).status_code == 403
    assert client.get(f"/api/v1/interactions/{pk}/?key={key}").status_code == 400
    assert client.get(f"/api/v1/interactions/{pk}/").status_code == 401


def test_another_projects_interaction_is_not_found_in_the_same_words_as_an_unknown_one(client, project):
    ingest_interactions(project, [item()])
    stranger = {"Authorization": f"Bearer {make_key(make_project(), 'read')}"}
    foreign = client.get(f"/api/v1/interactions/{Interaction.objects.get().pk}/", headers=stranger)
    unknown = client.get("/api/v1/interactions/999999/", headers=stranger)
    assert (foreign.status_code, foreign.content) == (404, unknown.content)
