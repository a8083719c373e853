"""What every operation of the schema has: a name, which is its method and address, and the problems it may answer."""

import re
from typing import Any

from drf_spectacular.openapi import AutoSchema

PROBLEM = {
    "type": "object",
    "required": ["type", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string", "description": "Why, and what to do; for a person to read."},
    },
}
ALWAYS = {
    "400": "Malformed: the address or the body cannot be read.",
    "401": "No key, or one that is unknown, expired or revoked.",
    "403": "The key's scopes or the person's role do not include this.",
    "404": "Unknown, or another project's.",
    "429": "More requests a minute than the key may send.",
    "503": "The database does not answer right now.",
}
WITH_A_BODY = {
    "409": "A conflict with what is stored.",
    "413": "The body is over 5 MB.",
    "415": "The body is not JSON in UTF-8.",
    "422": "Well-formed, but a field breaks a rule.",
}
RETRY_AFTER = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}


class Schema(AutoSchema):
    def get_operation_id(self) -> str:
        words = re.findall(r"\w+", self.path.removeprefix("/api/v1/"))
        return "_".join([self.method.lower(), *words])

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        if operation is not None:
            problems = ALWAYS if self.method in {"GET", "HEAD"} else ALWAYS | WITH_A_BODY
            for status, words in problems.items():
                operation["responses"].setdefault(status, _problem(status, words))
        return operation


def _problem(status: str, words: str) -> dict[str, Any]:
    response = {"description": words, "content": {"application/problem+json": {"schema": PROBLEM}}}
    return response | ({"headers": RETRY_AFTER} if status in {"429", "503"} else {})
