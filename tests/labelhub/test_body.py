import ctypes
import json
import os
import resource
import time
from io import BytesIO
from statistics import median

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
        with pytest.raises(Malformed, match=r"deeper than 64|too many keys"):
            parse_json(deeper)
    assert parse_json(json.dumps(['"]' * 70 + "[[{" * 70_000]).encode())
    hidden = b'["]",' * 70 + b"1" + b',"["]' * 70
    with pytest.raises(Malformed, match="deeper than 64"):
        parse_json(hidden)


@pytest.mark.bar("3a-8")
@pytest.mark.parametrize("digits", ["9" * 20, "9223372036854775808", "-9223372036854775809", "9" * 100, "9" * 5000])
def test_a_whole_number_over_64_bits_is_invalid(digits):
    with pytest.raises(Invalid, match="64 bits"):
        parse_json(f'{{"a": [{digits}]}}'.encode())


@pytest.mark.parametrize("begins", ["0.", "-12.5"])
def test_a_number_of_a_hundred_digits_is_read_and_one_of_more_is_refused(begins):
    digits = "7" * (100 - sum(map(str.isdigit, begins)))
    assert parse_json(f"[{begins}{digits}]".encode()) == [float(begins + digits)]
    with pytest.raises(Invalid, match="over 100 digits"):
        parse_json(f"[{begins}{digits}7]".encode())


@pytest.mark.bar("3a-9", "3a-10")
@pytest.mark.parametrize(
    "raw",
    [
        "[NaN]", "[-Infinity]", "[1e400]", "[-1e400]", '{"a":1,"a":1}', '{"a":{"b":1,"\\u0062":2}}', "[1,]", "{'a':1}", '["\t"]',
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


@pytest.mark.bar("3a-10")
def test_a_key_that_stands_twice_is_named_where_it_is_cheap_to_find():
    with pytest.raises(Malformed, match="The key 'b:,' stands twice"):
        parse_json(b'{"a":{"b:,":1,"c":"\\"","b:\\u002c":2}}')
    with pytest.raises(Malformed, match="A key stands twice"):
        parse_json(keys(b"1", 20_000, b'"k7":1'))


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


def item(output: bytes = b"a", more: bytes = b"") -> bytes:
    return b'{"external_id":"i","messages":[{"role":"user","content":"q"}],"output":"%s"%s}' % (output, more)


def holding(part: bytes, times: int, last: bytes) -> bytes:
    """An item with a list in its metadata; `part` may count with %d."""
    parts = [part % n for n in range(times)] if b"%" in part else [part] * times
    return item(more=b',"metadata":{"x":[%s]}' % b",".join([*parts, last]))


def keys(value: bytes, times: int, last: bytes = b'"z":1') -> bytes:
    """An object of different keys."""
    return b"{%s}" % b",".join([*(b'"k%d":%s' % (n, value) for n in range(times)), last])


def items(one: bytes) -> bytes:
    return b'{"items":[%s]}' % b",".join([one] * 1001)


def filled(text: str) -> bytes:
    """An item of 5 MB, nearly all of it one text in metadata, and what is wrong at its end."""
    sent = text.encode()
    return holding(b'"%s"' % (sent * ((5 * MIB - 200) // len(sent))), 1, OVER_64)


YARDSTICK, YARDSTICK_S = b"[%s]" % b",".join(b"-0.1234567%010d" % n for n in range(50_000)), 0.009
OVER_64 = b"99999999999999999999"
EMOJI = "👍".encode()
DIGITS = b"-0.1234567%010d"
FAR = b"-1.1234567890123456789012345678901%010de-307"
LONG_OUTPUT = b"x" * (MIB + 1)
LEVELS_65 = b"[" * 62 + b"]" * 62
# Bodies as bad as they come: too much to be read, and as much as is read with what is wrong at the end.
REJECTED = {
    "a byte over 5 MB": (lambda: b'["' + b"x" * (5 * MIB - 3) + b'"]', 413),
    "1,001 items": (lambda: items(item()), 400),
    "1,001 items of 5 kB": (lambda: items(item(b"x" * 5000)), 400),
    "1,001 items of 440 keys": (lambda: items(keys(b"1", 440)), 400),
    "1,001 items of 54 keys": (lambda: items(keys(b"1", 53)), 400),
    "1.6 million items": (lambda: b'{"items":[' + b"{}," * 1_600_000 + b"{}]}", 400),
    "65 levels": (lambda: nested(65), 400),
    "65 levels behind 1.2 million numbers": (lambda: holding(b"0.5", 1_200_000, LEVELS_65), 400),
    "65 levels behind the numbers that fit": (lambda: holding(DIGITS, 114_600, LEVELS_65), 400),
    "5 MB of brackets": (lambda: b"[" * 5_000_000, 400),
    "5 MB of white space": (lambda: b" " * 5 * MIB, 400),
    "5 MB of quotes": (lambda: b'["' + b'","' * 1_700_000 + b'"]', 400),
    "5 MB of quotes without an end": (lambda: b'["' + b'\\"' * 2_500_000, 400),
    "5 MB of escapes": (lambda: filled('a\\"'), 400),
    "the escapes that fit": (lambda: holding(b'"' + b'a\\"' * 1_415_000 + b'"', 1, OVER_64), 422),
    "5 MB of Chinese in escapes": (lambda: filled("\\u4e2d"), 422),
    "5 MB of brackets and numbers in a text": (lambda: filled("[{1e300,:"), 422),
    "5 MB without UTF-8 at the end": (lambda: item(b"x" * (5 * MIB - 200) + b"\xff"), 400),
    "5 MB with an emoji": (lambda: item(b"x" * (5 * MIB - 200) + EMOJI), 413),
    "3 MB with an emoji in each text": (lambda: holding(b'"\\n%s"' % (EMOJI + b"x" * 999_900), 3, OVER_64), 422),
    "3 MB with an emoji in an output": (lambda: item(b"x" * 2_999_900 + EMOJI + b"\\n"), 422),
    "3 MB with an emoji and the keys that fit": (lambda: item(EMOJI + b"x" * 2_100_000, b',"metadata":' + keys(b"1", 30_000)), 422),
    "an output over 1 MiB": (lambda: item(LONG_OUTPUT), 422),
    "an output over 1 MiB and 300,000 keys": (lambda: item(LONG_OUTPUT, b',"metadata":' + keys(b"1", 300_000)), 400),
    "an output over 1 MiB and the keys that fit": (lambda: item(LONG_OUTPUT, b',"metadata":' + keys(b"1", 55_400)), 422),
    "metadata over 1 MiB": (lambda: item(more=b',"metadata":{"a":["%s"]}' % LONG_OUTPUT), 422),
    "a whole number over 64 bits": (lambda: item(more=b',"duration_ms":%s' % OVER_64), 422),
    "a whole number over 64 bits behind 2.4 million": (lambda: holding(b"1", 2_400_000, OVER_64), 400),
    "a whole number over 64 bits behind the numbers that fit": (lambda: holding(DIGITS, 114_600, OVER_64), 422),
    "a whole number over 64 bits behind the smallest that fit": (lambda: holding(FAR, 19_800, OVER_64), 422),
    "a whole number over 64 bits behind the texts that fit": (lambda: holding(b'",:%d"', 123_000, OVER_64), 422),
    "a whole number over 64 bits behind the lists that fit": (lambda: holding(b"[]", 63_800, OVER_64), 422),
    "a whole number over 64 bits behind the deep lists that fit": (lambda: holding(b"[" * 61 + b"]" * 61, 1_540, OVER_64), 422),
    "a whole number over 64 bits behind the objects that fit": (lambda: holding(b'{"k%d":{}}', 25_700, OVER_64), 422),
    "a number of 5 million digits": (lambda: b"[" + b"9" * 5_000_000 + b"]", 422),
    "a whole number over 64 bits behind the long numbers that fit": (lambda: holding(b"0." + b"9" * 98, 39_700, OVER_64), 422),
    "a key twice behind 440,000": (lambda: keys(b"1", 440_000, b'"k7":1'), 400),
    "a key twice behind the keys that fit": (lambda: keys(b"1", 55_400, b'"k7":1'), 400),
    "the same key as often as fits": (lambda: b"{" + b'"k":1,' * 55_400 + b'"k":1}', 400),
    "NaN behind 1.2 million numbers": (lambda: holding(b"0.5", 1_200_000, b"NaN"), 400),
    "NaN behind the numbers that fit": (lambda: holding(DIGITS, 114_600, b"NaN"), 400),
    "no end behind the keys and texts that fit": (lambda: keys(b'",:"', 47_500)[:-1], 400),
}  # fmt: skip


@pytest.mark.django_db
@pytest.mark.bar("S17", "3a-4", "3a-7", "3a-8")
@pytest.mark.parametrize("name", REJECTED)
def test_a_rejection_costs_at_most_fifty_milliseconds_of_work_and_thirty_two_megabytes(client, name):
    make, status = REJECTED[name]
    body = make()
    assert len(body) <= 5 * MIB + 1
    path = "/api/v1/interactions/batch/" if body.startswith(b'{"items"') else "/api/v1/interactions/"
    ensure_cheap(client, path, body, status)


@pytest.mark.django_db
@pytest.mark.bar("S17")
@pytest.mark.parametrize(("times", "said"), [(15_200, "prompt must be"), (17_000, "too many keys")])
def test_what_is_not_captured_may_hold_a_third_and_its_rejection_costs_no_more(client, times, said):
    assert said in ensure_cheap(client, "/api/v1/context/", keys(b'"\\r:,"', times), 422 if times < 16_000 else 400)


def ensure_cheap(client, path, body, status):
    """What is said when `body` is refused, which takes 50 ms of work and 32 MiB of memory at most."""
    bearer = {"Authorization": f"Bearer {make_key(make_project(), 'ingest', 'inject')}"}

    def post(sent=body + b"."):
        """All but the last byte, so that it is copied once, as from a socket; `client.post` would hold it twice."""
        wire = {"wsgi.input": BytesIO(sent), "CONTENT_LENGTH": str(len(sent) - 1), "CONTENT_TYPE": "application/json"}
        return client.generic("POST", path, headers=bearer, **wire)

    def small():
        return post(b"{}.")

    def seconds():
        began = time.process_time()
        post()
        return time.process_time() - began

    answer = post()
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json"), answer.content
    assert mib_grown(post, after=small) <= 32
    assert any(median(seconds() for _ in range(5)) <= 0.05 * slowdown() for _ in range(3))
    return answer.json()["detail"]


def slowdown():
    """How many times slower this machine is just now than the one of the bars when nothing else runs: at least 1."""

    def seconds():
        began = time.process_time()
        json.loads(YARDSTICK)
        return time.process_time() - began

    return max(1, median(seconds() for _ in range(5)) / YARDSTICK_S)


def mib_grown(work, *, after):
    """By how many MiB a process at most grows over what it holds `after` something small: one of its own, cut off then."""
    ctypes.CDLL(None).malloc_trim(0)  # else what was freed before would hide what is taken now
    child = os.fork()
    if child == 0:
        status = 255
        try:
            after()
            held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            work()
            status = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held) // 1024
        finally:
            os._exit(min(status, 255))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
