"""POST /api/v1/context/: what to tell the model about this prompt."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from annotations.guidance.actions import give_context
from labelhub.body import object_of, stored_text
from labelhub.errors import Invalid, ensure
from labelhub.keys.authentication import Caller, api
from labelhub.keys.models import Scope
from labelhub.projects.rights import Right

REQUEST = {"type": "object", "required": ["prompt"], "properties": {"prompt": {"type": "string", "maxLength": 32_000}}}
CORRECTION = {
    "type": "object",
    "properties": {
        "provenance": {"type": "string", "examples": ["label:17"]},
        "question": {"type": "string"},
        "answer": {"type": "string"},
        "similarity": {"type": "number"},
    },
}
ANSWER = {
    "type": "object",
    "properties": {
        "corrections": {"type": "array", "items": CORRECTION},
        "system_block": {
            "type": "string",
            "description": "Append this to your system message; empty when nothing fits.",
        },
        "degraded": {"type": "boolean"},
    },
}


@extend_schema(request={"application/json": REQUEST}, responses={200: ANSWER})
@api("POST", scope=Scope.INJECT, right=Right.INJECT)
def context(request: Request, caller: Caller) -> Response:
    """Approved corrections of the same problem. When the encoder is down: 200, empty, degraded."""
    prompt: Any = object_of(request).get("prompt")
    ensure(
        isinstance(prompt, str) and prompt.strip(), Invalid("prompt must be text that is not empty.", field="prompt")
    )
    ensure(len(prompt) <= 32_000, Invalid("prompt must be at most 32,000 characters.", field="prompt"))
    answer = give_context(caller.project, stored_text(prompt)[0])
    rows = [
        {"provenance": c.provenance, "question": c.question, "answer": c.answer, "similarity": round(c.similarity, 4)}
        for c in answer.corrections
    ]
    return Response({"corrections": rows, "system_block": answer.system_block, "degraded": answer.degraded})
