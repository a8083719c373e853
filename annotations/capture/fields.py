"""The fields of what is sent in: one table makes the checks and the JSON schema, so the two cannot differ."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from labelhub.body import stored_text
from labelhub.errors import Invalid

MIB = 1024 * 1024
MAX_LOGPROBS = 100_000
LEAST_LOGPROB = -10_000  # nats; servers write -9999 for what cannot come next. Of any floats the mean may overflow
OBJECT = {"type": "object", "additionalProperties": True}
Check = Callable[[Any], str]  # '' when the value is fine, else what is expected


@dataclass(frozen=True)
class Field:
    schema: dict[str, Any]
    check: Check
    required: bool = False


def text(limit: int, *, required: bool = False, description: str = "") -> Field:
    def check(value: Any) -> str:
        if not isinstance(value, str):
            return "text"
        if required and not value:
            return "text that is not empty"
        return "" if len(value) <= limit and _fits(value, limit) else f"text of at most {limit} characters"

    schema = {"type": "string", "maxLength": limit, **({"minLength": 1} if required else {})}
    return Field({**schema, "description": description}, check, required)


def _fits(value: str, limit: int) -> bool:
    """Whether a short text still fits its column when NUL and lone surrogates are written as escapes."""
    return limit >= MIB or (value.isascii() and "\0" not in value) or len(stored_text(value)[0]) <= limit


def number(low: float, high: float, description: str = "") -> Field:
    def check(value: Any) -> str:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return "" if is_number and low <= value <= high else f"a number from {low:g} to {high:g}"

    return Field({"type": "number", "minimum": low, "maximum": high, "description": description}, check)


def choice(options: list[str], *, required: bool = False) -> Field:
    def check(value: Any) -> str:
        return "" if isinstance(value, str) and value in options else f"one of {', '.join(options)}"

    return Field({"type": "string", "enum": options}, check, required)


def moment() -> Field:
    def check(value: Any) -> str:
        try:
            read_moment(value)
        except ValueError:
            return "a time such as 2026-11-21T09:30:00+01:00, with its offset"
        return ""

    return Field({"type": "string", "format": "date-time", "maxLength": 40}, check)


def free_object() -> Field:
    return Field(OBJECT, lambda value: "" if isinstance(value, dict) else "an object")


def free_objects(words: str) -> Field:
    def check(value: Any) -> str:
        return "" if isinstance(value, list) and all(isinstance(one, dict) for one in value) else words

    return Field({"type": "array", "items": OBJECT}, check)


def messages() -> Field:
    roles = {"system", "developer", "user", "assistant", "tool"}

    def check(value: Any) -> str:
        if not isinstance(value, list) or not value:
            return "a list of {role, content}, the last from the user"
        for i, message in enumerate(value):
            if not isinstance(message, dict) or message.get("role") not in roles:
                return f"a role ({', '.join(sorted(roles))}) in message {i}"
            if not isinstance(message.get("content"), str) or len(message["content"]) > MIB:
                return f"text of at most {MIB} characters as content of message {i}"
        return "" if value[-1]["role"] == "user" else "a last message from the user"

    item = {
        "type": "object",
        "required": ["role", "content"],
        "properties": {
            "role": {"type": "string", "enum": sorted(roles)},
            "content": {"type": "string", "maxLength": MIB},
        },
    }
    words = "The request as the model got it; the last message is the user's."
    return Field({"type": "array", "items": item, "minItems": 1, "description": words}, check, required=True)


def logprobs() -> Field:
    def check(value: Any) -> str:
        fine = isinstance(value, list) and set(map(type, value)) <= {int, float}
        bounded = fine and (not value or (min(value) >= LEAST_LOGPROB and max(value) <= 0))
        words = f"a list of at most {MAX_LOGPROBS} numbers from {LEAST_LOGPROB} to 0"
        return "" if bounded and len(value) <= MAX_LOGPROBS else words

    item = {"type": "number", "minimum": LEAST_LOGPROB, "maximum": 0}
    words = f"Of the tokens of the output, in nats; send {LEAST_LOGPROB} for less."
    return Field({"type": "array", "items": item, "maxItems": MAX_LOGPROBS, "description": words}, check)


def read_moment(value: Any) -> tuple[datetime, bool]:
    """A time with its offset, and whether it had to be mended (a leap second). Raises ValueError."""
    if not isinstance(value, str) or len(value) > 40:
        raise ValueError("not a time")
    leap = value[17:19] == "60"
    parsed = datetime.fromisoformat(value[:17] + "59" + value[19:] if leap else value)
    if parsed.tzinfo is None or parsed.utcoffset() is None:
        raise ValueError("no offset")
    return parsed, leap


def checked(item: Any, fields: Mapping[str, Field]) -> dict[str, Any]:
    """`item` as a dict whose fields hold. Raises Invalid naming the field and what is expected."""
    if not isinstance(item, dict):
        raise Invalid("An item must be an object.")
    for name, field in fields.items():
        value = item.get(name)
        if value is None:
            if field.required:
                raise Invalid(f"{name} is missing.", field=name)
            continue
        if expected := field.check(value):
            raise Invalid(f"{name} must be {expected}.", field=name)
    if unknown := item.keys() - fields.keys():
        name = sorted(unknown)[0][:80]
        raise Invalid(
            f"Unknown field {name!r}. What has no field of its own goes into metadata.", field=stored_text(name)[0]
        )
    return item


def json_schema(fields: Mapping[str, Field]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [name for name, field in fields.items() if field.required],
        "properties": {name: field.schema if field.required else _or_null(field) for name, field in fields.items()},
    }


def _or_null(field: Field) -> dict[str, Any]:
    """null is the same as leaving the field out."""
    return {**field.schema, "type": [field.schema["type"], "null"]}
