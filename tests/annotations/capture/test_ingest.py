import json
import threading

import pytest
from django.db import connection, transaction
from django.test import Client

from annotations.capture.actions.ingest import ingest_feedback, ingest_interactions
from annotations.capture.fields import MAX_LOGPROBS
from annotations.capture.models import Feedback, Interaction, RawPayload
from annotations.capture.payloads import INTERACTION
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


@pytest.mark.bar("3a-2")
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
        (b'{"a":99999999999999999999}', 422),
        (b"[" * 100_000, 400),
        (b'{"external_id":"x"', 400),
        (b'{"external_id":"\xff"}', 400),
        (b'{"external_id":"x","messages":[],"output":""}', 422),
    ],
)
@pytest.mark.bar("3a-7", "3a-8", "3a-9", "3a-10")
def test_a_bad_body_is_refused_with_a_problem_and_a_reason(client, key, body, status):
    answer = send(client, key, "interactions", body)
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert answer.json()["detail"]
    assert not Interaction.objects.exists()


@pytest.mark.bar("3a-4")
def test_a_body_over_five_megabytes_is_refused_before_it_is_parsed(client, key):
    assert send(client, key, "interactions", b" " * (5 * 1024 * 1024 + 1)).status_code == 413


@pytest.mark.bar("3a-12")
@pytest.mark.parametrize("body", [b"", b" \n", b"null", b"[1]", b'"x"'])
def test_what_is_no_object_is_refused_with_a_pointer_to_the_schema(client, key, body):
    for path in ("interactions", "interactions/batch", "feedback"):
        answer = send(client, key, path, body)
        assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
        assert "/api/schema/" in answer.json()["detail"]


@pytest.mark.bar("3a-9", "3a-18")
@pytest.mark.parametrize("word", ["nan", "NaN", "inf", "-Infinity", "1e400", "0.5"])
@pytest.mark.parametrize("field", ["confidence", "duration_ms", "token_logprobs"])
def test_a_number_in_words_is_none(client, key, field, word):
    answer = send(client, key, "interactions", item() | {field: [word] if field == "token_logprobs" else word})
    assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json")
    assert field in answer.json()["detail"]
    assert not Interaction.objects.exists()


def full_item(n):
    """Every field that there is, and what people put into the free ones."""
    documents = [{"id": f"d-{k}", "title": "Terms", "text": "Two days.", "score": 0.8123} for k in range(2)]
    metadata = {"region": "eu", "channel": "web", "customer": f"c-{n}", "plan": "pro", "language": "de",
                "app": "3.2.1", "retries": 0, "cost": 0.0021, "tags": ["a", "b"]}  # fmt: skip
    return item(n, messages=item()["messages"][:1] + item()["messages"][3:], documents=documents, metadata=metadata) | {
        "occurred_at": "2026-11-20T10:00:00+01:00", "model_version": "m-4", "prompt_version": "p-7",
        "environment": "production", "user_role": "customer", "confidence": 0.83, "duration_ms": 412.5,
        "token_logprobs": [-0.1234567890123456 / (k + 1) for k in range(8)],
    }  # fmt: skip


@pytest.mark.bar("S17")
def test_a_thousand_items_with_every_field_fit_into_a_body(client, key):
    assert full_item(1).keys() == INTERACTION.keys()
    answer = send(client, key, "interactions/batch", {"items": [full_item(n) for n in range(1000)]})
    assert answer.status_code == 200
    assert Interaction.objects.count() == 1000


@pytest.mark.bar("S17")
def test_as_many_log_probabilities_as_an_item_may_have_fit_with_all_their_digits(client, key):
    numbers = [-1.2345678901234567e-07 - n / 1e13 for n in range(MAX_LOGPROBS)]
    assert max(len(str(number)) for number in numbers) == 23
    answer = send(client, key, "interactions", full_item(1) | {"token_logprobs": numbers})
    assert answer.status_code == 201
    assert RawPayload.objects.get().body["token_logprobs"] == numbers


@pytest.mark.bar("3a-11")
@pytest.mark.parametrize("charset", ["utf-7", "nonsense", "utf-16", "latin-1", '"utf-7"', "x" * 300])
def test_a_foreign_or_bogus_charset_is_refused(client, key, charset):
    assert posted_as(client, key, f"application/json; charset={charset}").status_code == 415
    assert posted_as(client, key, f"application/json; x=y;CharSet={charset}").status_code == 415
    assert posted_as(client, key, 'application/json; charset="UTF-8"').status_code == 201


def posted_as(client, key, content_type):
    headers = {"Authorization": f"Bearer {key}"}
    return client.generic("POST", "/api/v1/interactions/", json.dumps(item()), content_type, headers=headers)


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


@pytest.mark.bar("3a-13")
def test_one_bad_item_of_fifty_is_told_and_the_others_are_stored(client, key):
    items = [item(n) for n in range(50)]
    items[17]["output"] = None
    answer = send(client, key, "interactions/batch", {"items": items})
    assert answer.status_code == 207
    assert [row["status"] for row in answer.json()["items"]] == ["created"] * 17 + ["invalid"] + ["created"] * 32
    assert answer.json()["items"][17]["external_id"] == "i-17"
    assert Interaction.objects.count() == 49


@pytest.mark.parametrize("sent", ["a\x00", "\ud800", {"no": "text"}, "x" * 300, None])
def test_an_item_that_is_refused_is_named_by_an_id_that_can_be_shown(client, key, sent):
    body = {"items": [{"external_id": sent, "\ud800": 1}, item()]}
    answer = send(client, key, "interactions/batch", body)
    assert [row["status"] for row in answer.json()["items"]] == ["invalid", "created"]
    assert answer.status_code == send(client, key, "interactions/batch", body).status_code == 207
    assert send(client, key, "interactions", {**item(), "\ud800": 1}).status_code == 422


@pytest.mark.bar("3a-5", "3a-6")
@pytest.mark.parametrize(("field", "limit"), [("external_id", 255), ("session", 255), ("model_version", 120)])
def test_a_short_field_that_would_not_fit_once_it_is_escaped_is_refused_not_broken(client, key, field, limit):
    assert send(client, key, "interactions", item() | {field: "\x00" * limit}).status_code == 422
    assert send(client, key, "interactions", item() | {field: "\x00" * (limit // 6)}).status_code == 201


@pytest.mark.bar("3a-5", "3a-6")
def test_what_was_escaped_is_kept_as_it_came(client, key):
    body = item(output="literal \\u0000 and real \x00 and \ud83d alone", metadata={"k\x00": ["\udc00"]})
    assert send(client, key, "interactions", body).status_code == 201
    assert json.loads(RawPayload.objects.get().body["as_sent"]) == body
    assert Interaction.objects.get().output == "literal \\u0000 and real \\u0000 and \\ud83d alone"


@pytest.mark.django_db(transaction=True)
@pytest.mark.bar("3a-2")
def test_of_parallel_bodies_under_one_id_one_is_stored_and_all_others_conflict(project):
    outcomes = []

    def post(n):
        outcomes.append(ingest_interactions(project, [item(output=f"Answer {n}.")])[0])
        connection.close()

    in_threads([lambda n=n: post(n) for n in range(12)])
    assert sorted(o.status for o in outcomes) == ["conflict"] * 11 + ["created"]
    assert len({o.id for o in outcomes}) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.bar("R18")
def test_batches_that_hold_the_same_ids_in_other_orders_never_block_each_other_for_good(project, count):
    ids, failures = list(range(20)), []

    def post(order):
        try:
            for turn in range(count(5, 50)):
                ingest_interactions(project, [item(f"{turn}-{n}", session=f"s-{n % 7}") for n in order])
                ingest_feedback(project, [sign(f"{turn}-{n}") for n in reversed(order)])
        except Exception as error:  # told below, with the others
            failures.append(error)
        connection.close()

    in_threads(
        [lambda order=order: post(order) for order in (ids, ids[::-1], ids[10:] + ids[:10], ids[::2] + ids[1::2])]
    )
    assert failures == []
    assert Interaction.objects.count() == Feedback.objects.count() == count(5, 50) * 20


def sign(n=1, **over):
    return {"external_id": f"f-{n}", "interaction": f"i-{n}", "kind": "thumb", "value": -1, **over}


def in_threads(works):
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.bar("3a-17")
def test_parked_feedback_is_counted_until_it_is_linked(client, project):
    headers = {"Authorization": f"Bearer {make_key(project, 'read')}"}
    stranger = {"Authorization": f"Bearer {make_key(make_project(), 'read')}"}
    ingest_feedback(project, [sign(1), sign(2), sign(3, interaction="", session="s-9")])
    told = client.get("/api/v1/feedback/parked/", headers=headers).json()
    assert (told["parked"], told["about"]) == (3, ["i-1", "i-2", "s-9"])
    assert told["oldest"]
    assert client.get("/api/v1/feedback/parked/", headers=stranger).json() == {"parked": 0, "oldest": None, "about": []}
    ingest_interactions(project, [item(2)])
    assert client.get("/api/v1/feedback/parked/", headers=headers).json()["about"] == ["i-1", "s-9"]
    assert Feedback.objects.count() == 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.bar("3a-17")
def test_feedback_that_commits_while_its_interaction_is_being_stored_is_linked(project, run_jobs):
    with transaction.atomic():
        ingest_interactions(project, [item(1)])
        in_threads([lambda: (ingest_feedback(project, [sign(1)]), run_jobs(), connection.close())])
        assert Feedback.objects.parked().count() == 1
    run_jobs()
    assert Feedback.objects.get().interaction.external_id == "i-1"


@pytest.mark.django_db(transaction=True)
@pytest.mark.bar("3a-17")
def test_parents_and_feedback_that_arrive_in_parallel_are_all_linked(project, run_jobs, count):
    def post(ingest, bodies):
        for body in bodies:
            assert ingest(project, [body])[0].status == "created"
        connection.close()

    names = range(count(20, 400))
    in_threads(
        [lambda part=part, ingest=ingest, make=make: post(ingest, [make(n) for n in names if n % 2 == part])
         for part in (0, 1) for ingest, make in ((ingest_interactions, item), (ingest_feedback, sign))]
    )  # fmt: skip
    run_jobs()
    assert Feedback.objects.parked().count() == 0
    assert all(
        f.external_id[2:] == f.interaction.external_id[2:] for f in Feedback.objects.select_related("interaction")
    )
    assert Feedback.objects.count() == len(names)
