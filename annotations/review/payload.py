"""Values of a JSON object that came in. Each reader raises Invalid naming the field; null is the same as left out."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from annotations.capture.fields import read_moment
from labelhub.body import stored_text
from labelhub.errors import Invalid, ensure

MAX_TEXT = 1024 * 1024
MAX_ITEMS = 10_000
Payload = Mapping[str, Any]


def text_of(payload: Payload, name: str, *, limit: int = MAX_TEXT, at: str = "") -> str:
    """'' when it is left out; `at` is said before the name, for a value further in."""
    value = payload.get(name)
    if value is None:
        return ""
    fits = isinstance(value, str) and len(value) <= limit
    ensure(fits, Invalid(f"{at}{name} must be text of at most {limit:,} characters.", field=f"{at}{name}"))
    return stored_text(value)[0]


def choice_of(payload: Payload, name: str, allowed: Sequence[str], *, required: bool = False) -> str:
    """'' when it is left out."""
    value, known = payload.get(name), ", ".join(allowed)
    if value is None or value == "":
        ensure(not required, Invalid(f"{name} is missing: one of {known}.", field=name))
        return ""
    ensure(isinstance(value, str) and value in allowed, Invalid(f"{name} must be one of {known}.", field=name))
    return str(value)


def whole_number_of(payload: Payload, name: str, *, default: int | None = None) -> int:
    """Not below 0; without a default it must be there."""
    value = payload.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Invalid(f"{name} must be a whole number, at least 0.", field=name)
    return value


def moment_of(payload: Payload, name: str) -> datetime:
    """A moment in ISO 8601 with its offset; it must be there."""
    try:
        return read_moment(payload.get(name))[0]
    except ValueError as error:
        raise Invalid(f"{name} must be a moment like 2026-11-27T08:00:00+01:00.", field=name) from error


def truth_of(payload: Payload, name: str, *, default: bool) -> bool:
    value = payload.get(name)
    ensure(value is None or isinstance(value, bool), Invalid(f"{name} must be true or false.", field=name))
    return default if value is None else bool(value)


def seconds_of(payload: Payload, name: str) -> float:
    """Of less than a day; 0 when they are left out."""
    value = _number_of(payload, name, 0.0)
    ensure(0 <= value < 86_400, Invalid(f"{name} must be a number from 0 to 86,400.", field=name))
    return value


def share_of(payload: Payload, name: str, *, default: float) -> float:
    value = _number_of(payload, name, default)
    ensure(0 <= value <= 1, Invalid(f"{name} must be a number from 0 to 1.", field=name))
    return value


def _number_of(payload: Payload, name: str, default: float) -> float:
    value = payload.get(name)
    if value is None:
        return default
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    ensure(is_number, Invalid(f"{name} must be a number.", field=name))
    return float(value)


def object_in(payload: Payload, name: str) -> dict[str, Any]:
    """It must be there."""
    value = payload.get(name)
    if not isinstance(value, dict):
        raise Invalid(f"{name} must be an object.", field=name)
    return value


def list_of(payload: Payload, name: str) -> list[Any]:
    """[] when it is left out."""
    value = payload.get(name)
    if value is None:
        return []
    fits = isinstance(value, list) and len(value) <= MAX_ITEMS
    ensure(fits, Invalid(f"{name} must be a list of at most {MAX_ITEMS:,}.", field=name))
    return list(value)


def texts_of(payload: Payload, name: str) -> list[str]:
    """A list of texts; [] when it is left out."""
    found = list_of(payload, name)
    ensure(all(isinstance(one, str) for one in found), Invalid(f"{name} must be a list of texts.", field=name))
    return found
