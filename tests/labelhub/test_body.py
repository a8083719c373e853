import json
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelhub.body import MAX_DEPTH, is_storable, parse_json, stored_value
from labelhub.errors import Invalid, Malformed
from tests.factories import make_key, make_project

MIB = 1024 * 1024
ANY_TEXT = st.text(st.characters(), max_size=20)  # surrogates and NUL included
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


def nested(levels: int) -> bytes:
    return (
        b'{"a":' * (levels // 2) + b"[" * (levels - levels // 2) + b"]" * (levels - levels // 2) + b"}" * (levels // 2)
    )


@pytest.mark.bar("3a-7")
def test_sixty_four_levels_pass_and_one_more_does_not_though_brackets_in_strings_are_none():
    assert parse_json(nested(MAX_DEPTH))
    for deeper in (nested(MAX_DEPTH + 1), nested(1000), nested(100_000), b"[" * 100_000):
        with pytest.raises(Malformed, match=r"deeper than 64|more than 50000 lists"):
            parse_json(deeper)
    assert parse_json(json.dumps(['"]' * 70 + "[[{" * 70_000]).encode())
    hidden = b'["]",' * 70 + b"1" + b',"["]' * 70
    with pytest.raises(Malformed, match="deeper than 64"):
        parse_json(hidden)


@pytest.mark.bar("3a-8")
@pytest.mark.parametrize("digits", ["9" * 20, "9223372036854775808", "-9223372036854775809", "9" * 5000])
def test_a_whole_number_over_64_bits_is_invalid(digits):
    with pytest.raises(Invalid, match="64 bits"):
        parse_json(f'{{"a": [{digits}]}}'.encode())


@pytest.mark.bar("3a-9", "3a-10")
@pytest.mark.parametrize(
    "raw",
    [
        "[NaN]", "[-Infinity]", "[1e400]", "[-1e400]", "[1" + "0" * 400 + ".0]", '{"a":1,"a":1}', '{"a":{"b":1,"\\u0062":2}}', "[1,]", "{'a':1}", '["\t"]',
        "\ufeff{}", "[1] [2]", '{"a"', '["\\', "tru",
    ],
)  # fmt: skip
def test_what_two_readers_could_read_differently_is_refused(raw):
    with pytest.raises(Malformed):
        parse_json(raw.encode())


def test_the_largest_whole_numbers_and_latin_1_bytes():
    assert parse_json(b"[9223372036854775807,-9223372036854775808,1e308]")[:2] == [2**63 - 1, -(2**63)]
    with pytest.raises(Malformed, match="not UTF-8 at byte 2"):
        parse_json('["é"]'.encode("latin-1"))


@settings(deadline=None)
@given(ANY_JSON)
def test_every_json_value_is_read_as_it_was_written(value):
    assert parse_json(json.dumps(value).encode()) == value


@settings(deadline=None)
@given(ANY_JSON)
def test_what_is_called_storable_is_stored_as_it_is_and_everything_can_be_stored(value):
    stored, escaped = stored_value(value)
    text = json.dumps(stored, ensure_ascii=False)
    assert text.encode()  # no lone surrogate is left
    assert "\\u0000" not in json.dumps(stored).replace("\\\\", "")
    if is_storable(json.dumps(value)):
        assert (stored, escaped) == (value, False)


def big_item(n: int, size: int) -> bytes:
    return b'{"external_id":"i-%d","messages":[{"role":"user","content":"q"}],"output":"%s"}' % (n, b"x" * size)


REJECTED = {
    "a byte over 5 MB": (b'["' + b"x" * (5 * MIB - 3) + b'"]', 413),
    "1,001 items": (b'{"items":[' + b",".join(big_item(n, 5) for n in range(1001)) + b"]}", 400),
    "1,001 items of 5 kB": (b'{"items":[' + b",".join(big_item(n, 5000) for n in range(1001)) + b"]}", 400),
    "1.6 million items": (b'{"items":[' + b"{}," * 1_600_000 + b"{}]}", 400),
    "65 levels": (nested(65), 400),
    "5 MB of brackets": (b"[" * 5_000_000, 400),
    "5 MB of quotes without an end": (b'["' + b'\\"' * 2_500_000, 400),
    "an output over 1 MiB": (big_item(1, MIB + 1), 422),
    "metadata over 1 MiB": (big_item(1, 1)[:-1] + b',"metadata":{"a":["%s"]}}' % (b"x" * (MIB + 1)), 422),
    "a whole number over 64 bits": (big_item(1, 1)[:-1] + b',"duration_ms":99999999999999999999}', 422),
    "a number of 5 million digits": (b"[" + b"9" * 5_000_000 + b"]", 422),
}


@pytest.mark.django_db
@pytest.mark.bar("S17", "3a-4", "3a-7", "3a-8")
@pytest.mark.parametrize("name", REJECTED)
def test_a_rejection_costs_at_most_fifty_milliseconds_of_work_and_thirty_two_megabytes(client, name):
    body, status = REJECTED[name]
    path = "/api/v1/interactions/batch/" if b'"items"' in body[:20] else "/api/v1/interactions/"
    key = make_key(make_project(), "ingest")

    def reject():
        began = time.process_time()
        answer = client.post(
            path, body, content_type="application/json", headers={"Authorization": f"Bearer {key}"}
        )  # fmt: skip
        assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json"), answer.content
        return time.process_time() - began

    reject()  # what is loaded once
    assert min(reject() for _ in range(5)) <= 0.05
    tracemalloc.start()
    reject()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 32 * MIB
