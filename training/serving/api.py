"""Promotions and rollbacks over HTTP."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from labelhub.body import object_of
from labelhub.errors import Invalid, ensure
from labelhub.keys.authentication import Caller, api
from labelhub.keys.models import Scope
from labelhub.projects.rights import Right
from training.api_shapes import ANYTHING, ITEMS, PAGE, numbered
from training.registry import shown
from training.registry.live import Slot
from training.registry.models import Promotion
from training.runs.models import ModelVersion
from training.serving.actions import release, take_back

SLOT = {"type": "string", "enum": Slot.values, "default": str(Slot.PRODUCTION)}
PROMOTE = {
    "type": "object",
    "required": ["version"],
    "properties": {"version": {"type": "integer"}, "slot": SLOT, "note": {"type": "string"}},
}
ROLL_BACK = {"type": "object", "required": ["reason"], "properties": {"slot": SLOT, "reason": {"type": "string"}}}


@extend_schema(methods=["POST"], request={"application/json": PROMOTE}, responses={201: ANYTHING})
@extend_schema(methods=["GET"], responses={200: ITEMS})
@api("GET", "POST", scope=Scope.TRAIN, right=Right.PROMOTE)
def promotions(request: Request, caller: Caller) -> Response:
    """The history of what was live, newest first; or make a version live."""
    if request.method == "GET":
        rows = Promotion.objects.of(caller.project).select_related("version__project", "by").newest_first()[:PAGE]
        return Response({"items": [shown.promotion(row) for row in rows]})
    body = object_of(request)
    version = numbered(ModelVersion.objects.select_related("project", "run"), caller, body.get("version"))
    slot, note = body.get("slot", Slot.PRODUCTION), body.get("note", "")
    ensure(isinstance(slot, str) and isinstance(note, str), Invalid("slot and note must be texts."))
    return Response(shown.promotion(release(version, slot=slot, by=caller.user, note=note)), status=201)


@extend_schema(request={"application/json": ROLL_BACK}, responses={201: ANYTHING})
@api("POST", scope=Scope.TRAIN, right=Right.PROMOTE)
def rollback(request: Request, caller: Caller) -> Response:
    """Bring back what was live before."""
    body = object_of(request)
    slot, reason = body.get("slot", Slot.PRODUCTION), body.get("reason", "")
    ensure(isinstance(slot, str) and isinstance(reason, str), Invalid("slot and reason must be texts."))
    return Response(shown.promotion(take_back(caller.project, slot=slot, by=caller.user, reason=reason)), status=201)
