"""The raw-body gate: every JSON body passes here before anything looks at it.

Refused: over 5 MB, a charset other than UTF-8, a body that is no JSON, duplicate keys, NaN and Infinity, whole numbers
outside 64 bits, nesting over 64 levels. NUL and lone surrogates are no reason to lose a customer's words: `stored_text`
escapes them, losslessly, and tells that it did.
"""

import json
import re
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any, NoReturn

from django.conf import settings
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from labelhub.errors import Invalid, Malformed, TooLarge, UnsupportedMedia

MAX_DEPTH = 64
MAX_CONTAINERS = 50_000  # of lists and objects: what a body costs to read grows with them, not with its bytes
DRAINED, PIECE = 64 * 1024 * 1024, 64 * 1024
INT64 = 2**63
INFINITE = {float("inf"), float("-inf")}
TOO_DEEP = f"The body nests deeper than {MAX_DEPTH} levels."
TOO_LARGE = "A number in the body is too large: it must stay under 1.8e308."
OVER_64_BITS = "A whole number in the body does not fit into 64 bits."
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)  # one without an end runs to the end
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class StrictJSONParser(BaseParser):
    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        return read_json(parser_context["request"] if parser_context else stream)


def read_json(request: Request | Any) -> Any:
    """The body as Python values. Raises TooLarge (413), UnsupportedMedia (415), Malformed (400), Invalid (422)."""
    kind, _, parameters = request.META.get("CONTENT_TYPE", "").partition(";")
    if kind.strip().lower() != "application/json":
        raise UnsupportedMedia("Send the body as application/json.")
    charset = re.search(r"charset=\"?([^\s;\"]+)", parameters, re.IGNORECASE)
    if charset and charset[1].lower() not in {"utf-8", "utf8"}:
        raise UnsupportedMedia("Send the body as UTF-8.")
    return parse_json(_read(request))


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
    stored: dict[str, Any] = stored_value(sent_object(request))[0]
    return stored


def sent_object(request: Request) -> dict[str, Any]:
    """As `object_of`, to the letter: what a client sent twice is told by its very text."""
    sent = request.META.get("CONTENT_LENGTH") not in {None, "", "0"} or _is_chunked(request)
    data = read_json(request) if sent else None
    if not isinstance(data, dict):
        raise Malformed("Send a JSON object as the body, see /api/docs/.")
    return data


def parse_json(raw: bytes) -> Any:
    """Strict JSON of UTF-8 bytes. Raises Malformed with what to mend, Invalid for a whole number over 64 bits."""
    if not raw.strip():
        raise Malformed("The body is empty: send JSON, see /api/docs/.")
    _ensure_bounded(raw)
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=_no_duplicates, parse_constant=_no_constants)
    except UnicodeDecodeError as error:
        raise Malformed(f"The body is not UTF-8 at byte {error.start}.") from None
    except json.JSONDecodeError as error:
        raise Malformed(f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from None
    except RecursionError:
        raise Malformed(TOO_DEEP) from None
    except ValueError:  # Python reads no number of thousands of digits
        raise Invalid(OVER_64_BITS) from None
    _ensure_within_limits(value)
    return value


def _ensure_bounded(raw: bytes) -> None:
    """Refuse a body made of very many lists and objects before they are made. Brackets inside strings do not count."""
    if raw.count(b"[") + raw.count(b"{") > MAX_CONTAINERS:
        outside = _STRING.sub(b"", raw)
        if outside.count(b"[") + outside.count(b"{") > MAX_CONTAINERS:
            raise Malformed(f"The body holds more than {MAX_CONTAINERS} lists and objects.")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise Malformed(f"The key {twice[:80]!r} stands twice in one object.")
    return result


def _no_constants(word: str) -> NoReturn:
    raise Malformed(f"{word} is no JSON number.")


def _ensure_within_limits(value: Any) -> None:
    """Level by level: no more of them than allowed, and every number one that Postgres holds."""
    level: Iterable[Any] = (value,)
    for _ in range(MAX_DEPTH + 1):
        containers: list[Iterable[Any]] = []
        for one in level:
            kind = type(one)
            if kind is dict:
                containers.append(one.values())
            elif kind is list:
                containers.append(one)
            elif kind is int and not -INT64 <= one < INT64:
                raise Invalid(OVER_64_BITS)
            elif kind is float and one in INFINITE:
                raise Malformed(TOO_LARGE)
        if not containers:
            return
        level = chain.from_iterable(containers)
    raise Malformed(TOO_DEEP)


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
