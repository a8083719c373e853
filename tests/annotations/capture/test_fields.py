"""The schema that clients read and the checks that refuse say the same of every item."""

import re
from datetime import UTC, datetime

import jsonschema
import pytest
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotations.capture.fields import MAX_LOGPROBS, json_schema
from annotations.capture.payloads import INTERACTION, feedback_row, feedback_schema, interaction_row
from labelhub.errors import Invalid

NOW = datetime(2026, 11, 21, tzinfo=UTC)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
FORMATS = jsonschema.FormatChecker(formats=[])


@FORMATS.checks("date-time")
def is_date_time(value):
    return not isinstance(value, str) or bool(TIME.fullmatch(value))


def value_of(schema):
    """Values that keep the schema of a field, at its edges too."""
    kind = schema["type"][0] if isinstance(schema["type"], list) else schema["type"]
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema.get("format") == "date-time":
        return st.sampled_from(
            ["2026-11-21T09:30:00+01:00", "1970-01-01T00:00:00Z", "2016-12-31T23:59:60Z", "9999-12-31T23:59:59.5-12:00"]
        )
    if kind == "string":
        low, high = schema.get("minLength", 0), schema["maxLength"]
        return st.text(min_size=low, max_size=min(high, 30)) | st.just("x" * min(high, 300))
    if kind == "number":
        low, high = schema["minimum"], schema["maximum"]
        return st.floats(low, high) | st.integers(int(low), int(high)) | st.sampled_from([low, high])
    if kind == "array" and "properties" in schema["items"]:
        roles = st.sampled_from(schema["items"]["properties"]["role"]["enum"])
        lead = st.lists(st.fixed_dictionaries({"role": roles, "content": st.text(max_size=9)}), max_size=3)
        return lead.map(lambda turns: [*turns, {"role": "user", "content": "Why?"}])
    if kind == "array":
        inner = (
            st.floats(-20, 0)
            if schema["items"]["type"] == "number"
            else st.dictionaries(st.text(max_size=3), st.integers(-9, 9))
        )
        return st.lists(inner, max_size=4)
    return st.dictionaries(st.text(max_size=5), st.none() | st.integers(-9, 9) | st.text(max_size=5), max_size=3)


BROKEN = st.sampled_from(
    [None, True, False, 0, -1, 5, 1e12, "", "5", "up", "x" * 256, "x" * 400, [], {}, [1], ["a"], [True], [{}], [[]], {"a": 1},
     "2026-11-21T09:30:00", "yesterday", [{"role": "user"}], [{"role": "wizard", "content": "x"}],
     [{"role": "user", "content": 5}], [{"role": "user", "content": None}], ["x", {"role": "user", "content": "y"}]]
)  # fmt: skip


def items_of(schema):
    """Items that keep it, most of them with one field broken, missing or unknown."""
    fields = schema["properties"]
    required = {name: value_of(fields[name]) for name in schema["required"]}
    optional = {name: value_of(field) for name, field in fields.items() if name not in required}
    whole = st.fixed_dictionaries(required, optional=optional)
    change = st.none() | st.tuples(st.sampled_from([*fields, "surprise"]), BROKEN)
    gone = st.none() | st.sampled_from([*fields])
    return st.tuples(whole, change, gone).map(
        lambda parts: {k: v for k, v in (parts[0] | dict([parts[1]] if parts[1] else [])).items() if k != parts[2]}
    )


def agrees(item, schema, read):
    """Whether both take the item; fails when they differ."""
    kept = jsonschema.Draft202012Validator(schema, format_checker=FORMATS).is_valid(item)
    try:
        read(item, NOW)
        refused = ""
    except Invalid as refusal:
        refused = refusal.detail
    assert kept == (not refused), refused or "the schema forbids what is taken"
    return kept


def run(schema, read, examples, *, leave_out=lambda item: False):
    outcomes = set()

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(items_of(schema))
    def try_many(item):
        if not leave_out(item):
            outcomes.add(agrees(item, schema, read))

    try_many()
    assert outcomes == {True, False}


def ends_with_another_role(item):
    """The one rule that a JSON schema has no words for; the field's description tells it."""
    last = item["messages"][-1] if isinstance(item.get("messages"), list) and item["messages"] else None
    return isinstance(last, dict) and last.get("role") != "user"


@pytest.mark.bar("S2", "3a-18")
def test_an_interaction_is_taken_if_and_only_if_the_schema_allows_it(count):
    run(json_schema(INTERACTION), interaction_row, count(300, 10_000), leave_out=ends_with_another_role)


@pytest.mark.bar("S2", "3a-18")
def test_feedback_is_taken_if_and_only_if_the_schema_allows_it(count):
    run(feedback_schema(), feedback_row, count(300, 10_000))


@pytest.mark.bar("3a-18")
@pytest.mark.parametrize(
    ("kind", "fine", "wrong"),
    [
        ("thumb", [1, -1], [True, "1", 0, 2, "up", None, 0.5, [1], 1e300]),
        ("rating", [1, 5, 2.5], [True, "5", 0, 6, None, [5], {}]),
        ("dwell", [0, 12.5], [-1, "12", None, False]),
    ],
)
def test_a_value_is_a_number_that_fits_its_kind_and_nothing_is_coerced(kind, fine, wrong):
    sign = {"external_id": "f", "interaction": "i", "kind": kind}
    assert all(agrees(sign | {"value": value}, feedback_schema(), feedback_row) for value in fine)
    assert not any(agrees(sign | {"value": value}, feedback_schema(), feedback_row) for value in wrong)


@pytest.mark.parametrize(
    "change",
    [{"output": "x" * (1024 * 1024 + 1)}, {"metadata": [1]}, {"documents": [1]}, {"confidence": 1.01}, {"external_id": ""},
     {"token_logprobs": [0.0] * (MAX_LOGPROBS + 1)}, {"token_logprobs": [True]}, {"documents": {}}],
)  # fmt: skip
def test_what_is_too_long_or_of_another_kind_is_refused_by_both(change):
    item = {"external_id": "i", "messages": [{"role": "user", "content": "q"}], "output": ""}
    assert agrees(item, json_schema(INTERACTION), interaction_row)
    assert not agrees(item | change, json_schema(INTERACTION), interaction_row)


def test_the_served_schema_is_made_of_the_same_tables():
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    for path, schema in (("interactions", json_schema(INTERACTION)), ("feedback", feedback_schema())):
        one, many = (
            paths[f"/api/v1/{address}/"]["post"]["requestBody"]["content"]["application/json"]["schema"]
            for address in (path, f"{path}/batch")
        )
        assert one == schema
        assert many["properties"]["items"]["items"] == schema
