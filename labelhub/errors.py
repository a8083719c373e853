"""Refusals of the domain. `labelhub.problems` and `labelhub.http` turn them into responses."""

from typing import Any


class Refused(Exception):
    """A request that the domain does not carry out. The text says why and what to do; it is shown to the person."""

    status = 400
    code = "refused"
    retry_after: int | None = None  # seconds, where waiting helps

    def __init__(self, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.detail, self.extra = detail, extra


class Malformed(Refused):
    status, code = 400, "malformed"


class NotAllowed(Refused):
    status, code = 403, "not_allowed"


class NotFound(Refused):
    status, code = 404, "not_found"

    def __init__(self, detail: str = "There is nothing here, or it is not yours to see.", **extra: Any) -> None:
        super().__init__(detail, **extra)


class StaleState(Refused):
    status, code = 409, "stale"


class Conflict(Refused):
    status, code = 409, "conflict"


class TooLarge(Refused):
    status, code = 413, "too_large"


class UnsupportedMedia(Refused):
    status, code = 415, "unsupported_media"


class Invalid(Refused):
    """Well-formed, but breaks a rule: 422 with the field's path."""

    status, code = 422, "invalid"


class Unavailable(Refused):
    """Something that this needs is down; try again."""

    status, code = 503, "unavailable"
    retry_after = 2


def ensure(condition: object, refusal: Refused) -> None:
    """Raise `refusal` unless `condition` holds."""
    if not condition:
        raise refusal


def problem_body(status: int, code: str, detail: str, **extra: Any) -> dict[str, Any]:
    return {"type": "about:blank", "status": status, "code": code, "detail": detail, **extra}
