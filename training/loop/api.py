"""Where cases stand, over HTTP."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from labelhub.body import form_number
from labelhub.keys.authentication import Caller, api
from labelhub.keys.models import Scope
from labelhub.projects.rights import Right
from training.loop.cases import STOPS
from training.loop.standing import STEPS, Standing, board, standing_of

MOMENT = {"type": ["string", "null"], "format": "date-time"}
STEP = {
    "type": "object",
    "properties": {
        "step": {"type": "string", "enum": [*STEPS]},
        "at": MOMENT,
        "by": {"type": "string"},
        "words": {"type": "string"},
    },
}
STANDING = {
    "type": "object",
    "properties": {
        "id": {"type": "integer"},
        "external_id": {"type": "string"},
        "session": {"type": "string"},
        "at": {"type": "string", "enum": [*STOPS, ""], "description": "Empty: nobody has reported it."},
        "waits": {"type": "string", "description": "What blocks it, in words; empty when nothing does."},
        "since": MOMENT,
        "steps": {"type": "array", "items": STEP},
    },
}
STANDINGS = {
    "type": "object",
    "properties": {
        "items": {"type": "array", "items": STANDING},
        "more": {"type": ["integer", "null"], "description": "Send it as ?before= for the next ones."},
    },
}


@extend_schema(responses={200: STANDINGS})
@api("GET", scope=Scope.READ, right=Right.READ, query=("at", "before"))
def interactions_standing(request: Request, caller: Caller) -> Response:
    """The cases of the project, the newest first; ?at= only those that stand there."""
    asked = request.query_params
    found = board(caller.project, stop=asked.get("at", ""), before=form_number(asked, "before"))
    return Response({"items": [_shown(one) for one in found.standings], "more": found.more})


@extend_schema(responses={200: STANDING})
@api("GET", scope=Scope.READ, right=Right.READ)
def interaction_standing(request: Request, caller: Caller, pk: int) -> Response:
    """Where one answer stands between its report and its verified fix."""
    return Response(_shown(standing_of(caller.project, pk)))


def _shown(one: Standing) -> dict[str, Any]:
    case = one.interaction
    return {
        "id": case.pk, "external_id": case.external_id, "session": case.session.external_id, "at": one.wait.stop,
        "waits": one.wait.words, "since": one.wait.since,
        "steps": [{"step": step.name, "at": step.at, "by": step.by, "words": step.words} for step in one.steps],
    }  # fmt: skip
