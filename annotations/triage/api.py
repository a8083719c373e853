"""The board over HTTP."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from annotations.capture.models import Session
from annotations.review.api import ANYTHING
from annotations.review.models import Queue
from annotations.triage.actions import dismiss, route, undo
from annotations.triage.board import on_board
from annotations.triage.models import Decision, Flag
from labelhub.body import object_of
from labelhub.errors import Invalid, NotFound, ensure
from labelhub.keys.authentication import Caller, api
from labelhub.keys.models import Scope
from labelhub.projects.rights import Right

DECISION = {
    "type": "object",
    "required": ["session", "kind"],
    "properties": {
        "session": {"type": "integer"},
        "kind": {"type": "string", "enum": Decision.Kind.values},
        "queue": {"type": "string", "description": "slug, for route"},
        "reason": {"type": "string"},
    },
}
PAGE = 100


@extend_schema(responses={200: ANYTHING})
@api("GET", scope=Scope.READ, right=Right.READ)
def flagged_sessions(request: Request, caller: Caller) -> Response:
    """Sessions with open flags, most urgent first."""
    sessions = list(on_board(caller.project)[:PAGE])
    flags: dict[int, list[dict[str, object]]] = {session.pk: [] for session in sessions}
    for flag in Flag.objects.filter(session__in=sessions).open().order_by("-severity", "pk"):
        flags[flag.session_id].append(
            {
                "id": flag.pk,
                "kind": flag.kind,
                "severity": flag.severity,
                "evidence": flag.evidence,
                "interaction": flag.interaction_id,
            }
        )
    return Response({"items": [{"id": s.pk, "external_id": s.external_id, "flags": flags[s.pk]} for s in sessions]})


@extend_schema(request={"application/json": DECISION}, responses={201: ANYTHING})
@api("POST", scope=Scope.APPROVE, right=Right.TRIAGE)
def decisions(request: Request, caller: Caller) -> Response:
    """Route the open flags of a session to a queue, or dismiss them with a reason."""
    body = object_of(request)
    session_id: Any = body.get("session")
    ensure(isinstance(session_id, int), Invalid("session must be the id of a session.", field="session"))
    session = Session.objects.visible_to(caller.user).filter(project=caller.project, pk=session_id).first()
    if session is None:
        raise NotFound
    kind, reason = body.get("kind"), str(body.get("reason", ""))
    if kind == Decision.Kind.ROUTE:
        queue = Queue.objects.visible_to(caller.user).filter(project=caller.project, slug=body.get("queue")).first()
        if queue is None:
            raise Invalid(f"There is no queue {body.get('queue')!r}.", field="queue")
        decision = route(session, queue=queue, by=caller.user, reason=reason)
    elif kind == Decision.Kind.DISMISS:
        decision = dismiss(session, by=caller.user, reason=reason)
    else:
        raise Invalid("kind must be route or dismiss.", field="kind")
    return Response({"id": decision.pk, "kind": decision.kind, "session": session.pk}, status=201)


@extend_schema(request=None, responses={204: None})
@api("DELETE", scope=Scope.APPROVE, right=Right.TRIAGE)
def decision(request: Request, caller: Caller, pk: int) -> Response:
    """Take one's own decision back, while no expert has begun on what it routed."""
    row = Decision.objects.filter(project=caller.project, pk=pk).first()
    if row is None:
        raise NotFound
    undo(row, by=caller.user)
    return Response(status=204)
