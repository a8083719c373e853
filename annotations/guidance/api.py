"""What to tell the model about a prompt; guidance drafted, approved and retired."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from annotations.guidance.actions import LONGEST, approve_guidance, draft, give_context, retire_guidance
from annotations.guidance.lookup import guidance_of, listed, state_of
from annotations.guidance.models import Guidance
from annotations.review.api.own import number_of_address
from annotations.review.bodies import ANYTHING
from annotations.review.payload import moment_of, share_of, text_of, whole_number_of
from annotations.triage.lookup import session_of
from labelhub.body import object_of, stored_text
from labelhub.errors import Invalid, ensure
from labelhub.keys.authentication import Caller, api
from labelhub.keys.models import Scope
from labelhub.projects.rights import Right

PAGE = 100
DRAFT = {
    "type": "object",
    "required": ["trigger", "instruction"],
    "properties": {
        "trigger": {"type": "string", "maxLength": LONGEST, "description": "A question that it is for."},
        "instruction": {"type": "string", "maxLength": LONGEST},
        "reach": {"type": "number", "minimum": 0.5, "maximum": 1, "default": 0.75},
        "expires_at": {"type": ["string", "null"], "format": "date-time"},
        "session": {"type": "integer", "description": "The flagged session that it comes from: its flags are closed."},
    },
}
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
TOLD = {
    "type": "object",
    "properties": {
        "provenance": {"type": "string", "examples": ["guidance:3"]},
        "instruction": {"type": "string"},
        "similarity": {"type": "number"},
    },
}
ANSWER = {
    "type": "object",
    "properties": {
        "corrections": {"type": "array", "items": CORRECTION},
        "guidance": {"type": "array", "items": TOLD},
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
    told = [
        {"provenance": one.provenance, "instruction": one.instruction, "similarity": round(one.similarity, 4)}
        for one in answer.guidance
    ]
    return Response(
        {"corrections": rows, "guidance": told, "system_block": answer.system_block, "degraded": answer.degraded}
    )


@extend_schema(methods=["GET"], responses={200: ANYTHING})
@extend_schema(methods=["POST"], request={"application/json": DRAFT}, responses={201: ANYTHING})
@api("GET", "POST", scope=Scope.APPROVE, right=Right.CURATE, query=("before",))
def guidance(request: Request, caller: Caller) -> Response:
    """Guidance, the newest first; ?before=<id> pages on. POST drafts one, which a second person approves."""
    if request.method == "POST":
        body = object_of(request)
        at = whole_number_of(body, "session", default=0)
        made = draft(
            caller.project, by=caller.user, trigger=text_of(body, "trigger"), instruction=text_of(body, "instruction"),
            reach=share_of(body, "reach", default=0.75),
            expires_at=None if body.get("expires_at") is None else moment_of(body, "expires_at"),
            session=session_of(caller.project, caller.user, at) if at else None,
        )  # fmt: skip
        return Response(guidance_body(guidance_of(caller.project, made.pk)), status=201)
    found = listed(caller.project, number_of_address(request, "before", 0))[:PAGE]
    return Response({"items": [guidance_body(one) for one in found]})


@extend_schema(request=None, responses={201: ANYTHING})
@api("POST", scope=Scope.APPROVE, right=Right.APPROVE)
def guidance_approval(request: Request, caller: Caller, pk: int) -> Response:
    """Let somebody else's guidance into prompts, from this answer on."""
    approve_guidance(guidance_of(caller.project, pk), by=caller.user)
    return Response(guidance_body(guidance_of(caller.project, pk)), status=201)


@extend_schema(request={"application/json": ANYTHING}, responses={201: ANYTHING})
@api("POST", scope=Scope.APPROVE, right=Right.CURATE)
def guidance_retirement(request: Request, caller: Caller, pk: int) -> Response:
    """It reaches no prompt any more: {"reason": "…"}."""
    retire_guidance(guidance_of(caller.project, pk), by=caller.user, reason=text_of(object_of(request), "reason"))
    return Response(guidance_body(guidance_of(caller.project, pk)), status=201)


def guidance_body(one: Guidance) -> dict[str, Any]:
    return {
        "id": one.pk, "trigger": one.trigger, "instruction": one.instruction, "reach": one.reach,
        "expires_at": one.expires_at, "author": str(one.author), "state": state_of(one),
    }  # fmt: skip
