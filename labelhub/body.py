"""The raw-body gate: every JSON body passes here before anything looks at it.

Refused: over 5 MB, a charset other than UTF-8, a body that is no JSON, duplicate keys, NaN and Infinity, whole numbers
outside 64 bits, nesting over 64 levels. NUL and lone surrogates are no reason to lose a customer's words: `stored_text`
escapes them, losslessly, and tells that it did.
"""

import json
import re
from typing import Any, NoReturn

from django.conf import settings
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from labelhub.errors import Malformed, TooLarge, UnsupportedMedia

MAX_DEPTH = 64
INT64 = 2**63
_OPENING = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class StrictJSONParser(BaseParser):
    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        return read_json(parser_context["request"] if parser_context else stream)


def read_json(request: Request | Any) -> Any:
    """The body as Python values. Raises TooLarge (413), UnsupportedMedia (415), Malformed (400)."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        raise TooLarge("The body is over 5 MB. Send it in several requests.")
    charset = re.search(r"charset=\"?([^\s;\"]+)", request.META.get("CONTENT_TYPE", ""), re.IGNORECASE)
    if charset and charset[1].lower() not in {"utf-8", "utf8"}:
        raise UnsupportedMedia("Send the body as UTF-8.")
    stream = getattr(request, "_request", request)
    raw = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
    if len(raw) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        raise TooLarge("The body is over 5 MB. Send it in several requests.")
    return parse_json(raw)


def object_of(request: Request) -> dict[str, Any]:
    """The body as a JSON object. Raises Malformed for none, and for anything else."""
    data = request.data if request.META.get("CONTENT_LENGTH") not in {None, "", "0"} else None
    if not isinstance(data, dict):
        raise Malformed("Send a JSON object as the body, see /api/docs/.")
    return data


def parse_json(raw: bytes) -> Any:
    """Strict JSON of UTF-8 bytes. Raises Malformed with what to mend."""
    if not raw.strip():
        raise Malformed("The body is empty: send JSON, see /api/docs/.")
    _check_depth(raw)
    try:
        return json.loads(
            raw.decode("utf-8"), object_pairs_hook=_no_duplicates, parse_constant=_no_constants,
            parse_int=_int64, parse_float=_finite,
        )  # fmt: skip
    except UnicodeDecodeError as error:
        raise Malformed(f"The body is not UTF-8 at byte {error.start}.") from None
    except json.JSONDecodeError as error:
        raise Malformed(f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from None


def _check_depth(raw: bytes) -> None:
    depth = 0
    for match in _OPENING.finditer(raw):
        first = match[0][:1]
        if first in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise Malformed(f"The body nests deeper than {MAX_DEPTH} levels.")
        elif first in b"]}":
            depth -= 1


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Malformed(f"The key {twice[:80]!r} stands twice in one object.")
    return result


def _no_constants(word: str) -> NoReturn:
    raise Malformed(f"{word} is no JSON number.")


def _int64(digits: str) -> int:
    value = int(digits) if len(digits) < 21 else INT64
    if not -INT64 <= value < INT64:
        raise Malformed("A whole number in the body does not fit into 64 bits.")
    return value


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise Malformed(f"The number {text[:30]} is too large.")
    return value


def stored_text(text: str) -> tuple[str, bool]:
    """`text` as it is stored: line ends as \\n, NUL and lone surrogates as a visible escape; and if any.

    >>> stored_text("a\\x00b")
    ('a\\\\u0000b', True)
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    escaped = _UNSTORABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    return escaped, escaped != text


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
