"""The raw-body gate: every JSON body passes here before anything looks at it.

Refused: over 5 MB, a charset other than UTF-8, a body that is no JSON, duplicate keys, NaN and Infinity, whole numbers
outside 64 bits, nesting over 64 levels, more parts than can be read in good time. NUL and lone surrogates are no reason
to lose a customer's words: `stored_text` escapes them, losslessly, and tells that it did.
"""

import gc
import json
import re
import sys
from collections.abc import Mapping
from typing import Any, NoReturn

from django.conf import settings
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from labelhub.errors import Invalid, Malformed, TooLarge, UnsupportedMedia

MAX_DEPTH = 64
# What a body costs to read, in µs at its dearest: it grows with the signs of its `_outline`, not with its bytes.
PRICES = {b":": 0.3, b",": 0.155, b'"': 0.09, b"[": 0.33, b"e": 0.02}
SIGN, FAR_EXPONENT = 0.0065, 1.1  # each sign of an outline, be it a digit; an exponent of three digits
BACKSLASH, WIDE = 0.0225, 0.005  # each character, where one beyond U+FFFF makes Python keep four bytes of every one
MAX_PRICE = 32_000  # of the 50 ms that a rejection may take; 100,000 log probabilities with all their digits need 31
FEW_KEYS = 10_000
LONG_NUMBER = b"0" * 101
MAX_WIDE = 3_000_000
DRAINED, PIECE = 64 * 1024 * 1024, 64 * 1024
LEAST, MOST = -(2**63), 2**63 - 1
GREATEST = sys.float_info.max
TOO_DEEP = f"The body nests deeper than {MAX_DEPTH} levels."
TOO_LARGE = "A number in the body is too large: it must stay under 1.8e308."
OVER_64_BITS = "A whole number in the body does not fit into 64 bits."
TOO_LONG = "A number in the body has over 100 digits; a whole number must fit into 64 bits."
TOO_MUCH = (
    "The body holds too many keys, values, digits or escapes: about 50,000 keys or 110,000 numbers fit. "
    "Send fewer items at once, or less in metadata."
)
TOO_WIDE = "The body is over 3 million characters and one is an emoji or its like. Send it in several requests."
_FAR_EXPONENT = re.compile(b"e000")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_ALIKE = bytes.maketrans(b"{E123456789", b"[e000000000")
_UP_TO_U_FFFF, _FOLLOWING = bytes(set(range(256)) - set(range(0xF0, 0xF5))), bytes(range(0x80, 0xC0))  # in UTF-8
_LEFT_OUT = bytes(set(range(256)) - set(b'"[{,:eE0123456789'))


class StrictJSONParser(BaseParser):
    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        return read_json(parser_context["request"] if parser_context else stream)


def read_json(request: Request | Any, most: float = MAX_PRICE) -> Any:
    """The body as Python values. Raises TooLarge (413), UnsupportedMedia (415), Malformed (400), Invalid (422)."""
    kind, _, parameters = request.META.get("CONTENT_TYPE", "").partition(";")
    if kind.strip().lower() != "application/json":
        raise UnsupportedMedia("Send the body as application/json.")
    charset = re.search(r"charset=\"?([^\s;\"]+)", parameters, re.IGNORECASE)
    if charset and charset[1].lower() not in {"utf-8", "utf8"}:
        raise UnsupportedMedia("Send the body as UTF-8.")
    return parse_json(_read(request), most)


def _read(request: Request | Any) -> bytes:
    """The body, held no further than a byte over the limit. Raises TooLarge."""
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    length = request.META.get("CONTENT_LENGTH") or "0"
    stream = request.META["wsgi.input"] if _is_chunked(request) else getattr(request, "_request", request)
    fits = length.isdigit() and int(length) <= limit
    raw: bytes = stream.read(limit + 1) if fits else b""
    if not fits or len(raw) > limit:
        _drain(stream)
        raise TooLarge("The body is over 5 MB. Send it in several requests.")
    return raw


def _drain(stream: Any) -> None:
    """Read on and forget: a client that is cut off while it sends never sees the answer that says why."""
    for _ in range(DRAINED // PIECE):
        if not stream.read(PIECE):
            return


def _is_chunked(request: Request | Any) -> bool:
    """A body without a length, of which the server knows the end; Django takes it for none."""
    meta = request.META
    return bool(meta.get("wsgi.input_terminated") and "chunked" in meta.get("HTTP_TRANSFER_ENCODING", "").lower())


def object_of(request: Request) -> dict[str, Any]:
    """The body as a JSON object with its text as it can be stored. Raises Malformed for none, and for anything else."""
    stored: dict[str, Any] = stored_value(sent_object(request, MAX_PRICE / 3))[0]  # which costs twice as much again
    return stored


def sent_object(request: Request, most: float = MAX_PRICE) -> dict[str, Any]:
    """As `object_of`, to the letter: what a client sent twice is told by its very text."""
    sent = request.META.get("CONTENT_LENGTH") not in {None, "", "0"} or _is_chunked(request)
    data = read_json(request, most) if sent else None
    if not isinstance(data, dict):
        raise Malformed("Send a JSON object as the body: /api/schema/ says which, /api/docs/ in words.")
    return data


def parse_json(raw: bytes, most: float = MAX_PRICE) -> Any:
    """Strict JSON of UTF-8 bytes. Raises Malformed with what to mend, Invalid for a whole number over 64 bits."""
    if not raw or raw.isspace():
        raise Malformed("The body is empty: send JSON as /api/schema/ says, in words at /api/docs/.")
    keys = _count_keys(raw, most)
    gc.disable()  # JSON has no cycles, and many lists at once set off a search for them through the whole process
    try:
        text = raw.decode()
        del raw  # it would lie beside the text and the values
        value = json.loads(text, parse_constant=_no_constants)
    except UnicodeDecodeError as error:
        raise Malformed(f"The body is not UTF-8 at byte {error.start}.") from None
    except json.JSONDecodeError as error:
        raise Malformed(f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from None
    except RecursionError:
        raise Malformed(TOO_DEEP) from None
    finally:
        gc.enable()
    if _keys_within_limits(value) != keys:
        if keys <= FEW_KEYS:  # else to read it again takes too long
            json.loads(text, object_pairs_hook=_no_duplicates)
        raise Malformed("A key stands twice in one object.")
    return value


def _count_keys(raw: bytes, most: float) -> int:
    """How many keys are sent. Refuses, before anything is read, what would take too much time or memory to read."""
    wide = len(raw.translate(None, _FOLLOWING)) if raw.translate(None, _UP_TO_U_FFFF) else 0
    if wide > MAX_WIDE:
        raise TooLarge(TOO_WIDE)
    outline = _outline(raw)
    if LONG_NUMBER in outline:  # the time that it takes grows with the square of its length
        raise Invalid(TOO_LONG)
    signs = outline.translate(None, b"0")
    price = SIGN * len(outline) + sum(each * signs.count(part) for part, each in PRICES.items())
    price += BACKSLASH * raw.count(b"\\") + WIDE * wide
    if price > most or price + FAR_EXPONENT * len(_FAR_EXPONENT.findall(outline)) > most:
        raise Malformed(TOO_MUCH)
    return signs.count(b":")


def _outline(raw: bytes) -> bytes:
    """A `"` for each string and, outside of them, `[` for each list and object, `,`, `:`, `e`, `0` for each digit.

    Exact for JSON, and for anything else as far as a reader would come.
    """
    bare = raw.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in raw else raw
    shape = bare.translate(_ALIKE, _LEFT_OUT)
    if shape.count(b'"') / 2 * (PRICES[b'"'] + PRICES[b","]) > MAX_PRICE:
        raise Malformed(TOO_MUCH)
    return b'"'.join(shape.split(b'"')[::2])


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise Malformed(f"The key {twice[:80]!r} stands twice in one object.")
    return result


def _no_constants(word: str) -> NoReturn:
    raise Malformed(f"{word} is no JSON number.")


def _keys_within_limits(value: Any) -> int:
    """How many keys there are, level by level: no more of those than allowed, every number one that Postgres holds."""
    level, depth, keys = [value], 0, 0
    while level:
        below: list[Any] = []
        for one in level:
            kind = type(one)
            if kind is float and not -GREATEST <= one <= GREATEST:
                raise Malformed(TOO_LARGE)
            elif kind is int and not LEAST <= one <= MOST:
                raise Invalid(OVER_64_BITS)
            elif kind is dict or kind is list:
                if depth == MAX_DEPTH:
                    raise Malformed(TOO_DEEP)
                keys += len(one) if kind is dict else 0
                below.extend(one.values() if kind is dict else one)
        level, depth = below, depth + 1
    return keys


def stored_text(text: str) -> tuple[str, bool]:
    """`text` as it is stored: line ends as \\n, NUL and lone surrogates as a visible escape; and if any.

    >>> stored_text("a\\x00b")
    ('a\\\\u0000b', True)
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    escaped = _UNSTORABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    return escaped, escaped != text


def form_text(post: Mapping[str, str], name: str) -> str:
    """A field of a form as it can be stored; browsers send line ends as CR LF."""
    return stored_text(post.get(name, ""))[0]


def form_number(post: Mapping[str, str], name: str) -> int:
    """A whole number of a form or an address, 0 for anything else."""
    value = post.get(name, "")
    return int(value) if value.isdecimal() and len(value) < 19 else 0


def stored_value(value: Any) -> tuple[Any, bool]:
    """`stored_text` for every string, keys too, of a JSON value."""
    if isinstance(value, str):
        return stored_text(value)
    if isinstance(value, list):
        pairs = [stored_value(item) for item in value]
        return [item for item, _ in pairs], any(changed for _, changed in pairs)
    if isinstance(value, dict):
        entries = [(*stored_text(key), *stored_value(item)) for key, item in value.items()]
        return {key: item for key, _, item, _ in entries}, any(a or b for _, a, _, b in entries)
    return value, False


def is_storable(ascii_json: str) -> bool:
    """Whether `stored_value` would change nothing, told from the value's JSON with every other character escaped.

    False may be wrong, for a pair of surrogates looks like two: then `stored_value` tells.
    """
    return not ("\\r" in ascii_json or "\\u0000" in ascii_json or "\\ud" in ascii_json)
