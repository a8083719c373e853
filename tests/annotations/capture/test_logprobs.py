"""Token log-probabilities are bounded, so that their mean is a number that can be stored."""

import json

import jsonschema
import pytest

from annotations.capture.actions.ingest import ingest_interactions
from annotations.capture.fields import LEAST_LOGPROB, json_schema, logprobs
from annotations.capture.models import Interaction
from annotations.capture.payloads import INTERACTION
from labelhub.body import parse_json
from tests.factories import make_project

pytestmark = pytest.mark.django_db


def item(n, **over):
    return {"external_id": f"i-{n}", "messages": [{"role": "user", "content": "Hi"}], "output": "Hello.", **over}


@pytest.mark.bar("3a-9", "3a-13")
def test_a_logprob_beyond_all_bounds_costs_its_item_and_no_other():
    body = parse_json(json.dumps({"items": [item(1), item(2, token_logprobs=[-1.7e308] * 2), item(3)]}).encode())
    outcomes = ingest_interactions(make_project(), body["items"])
    assert [one.status for one in outcomes] == ["created", "invalid", "created"]
    assert "from -10000 to 0" in outcomes[1].error


@pytest.mark.parametrize(
    ("sent", "fine"),
    [
        ([], True),
        ([0], True),
        ([-0.0, LEAST_LOGPROB, -9999.0, -1e-300], True),
        ([LEAST_LOGPROB] * 100_000, True),
        ([LEAST_LOGPROB - 1], False),
        ([-0.5, -1.7e308], False),
        ([1e-9], False),
        ([-(2**63)], False),
        ([True], False),
        ([None], False),
        (["-1"], False),
        ("-1", False),
    ],
)
def test_the_schema_and_the_check_draw_the_same_bounds(sent, fine):
    field = logprobs()
    assert jsonschema.Draft202012Validator(field.schema).is_valid(sent) == fine
    assert (field.check(sent) == "") == fine


def test_the_mean_of_the_least_is_stored():
    ingest_interactions(make_project(), [item(1, token_logprobs=[LEAST_LOGPROB] * 1_000)])
    assert Interaction.objects.get().mean_logprob == LEAST_LOGPROB


def test_clients_can_read_the_bounds():
    shown = json_schema(INTERACTION)["properties"]["token_logprobs"]
    assert shown["items"] == {"type": "number", "minimum": LEAST_LOGPROB, "maximum": 0}
    assert "nats" in shown["description"]
