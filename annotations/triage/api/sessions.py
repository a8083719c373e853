"""The board over HTTP."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from annotations.review.bodies import ANYTHING
from annotations.review.lookup import task_of
from annotations.review.payload import choice_of, text_of, whole_number_of
from annotations.triage.actions.corrections import accept_correction
from annotations.triage.actions.decisions import NOTE, dismiss, escalate, merge, route, undo
from annotations.triage.actions.flags import REASON, flag
from annotations.triage.actions.issues import TITLE, make_issue_of
from annotations.triage.board import on_board
from annotations.triage.lookup import better_answer_of, chosen_queue, decision_of, session_of
from annotations.triage.models import Decision, Flag
from labelhub.body import object_of
from labelhub.keys.authentication import Caller, api
from labelhub.keys.models import Scope
from labelhub.projects.rights import Right

KINDS = [kind for kind in Decision.Kind.values if kind != Decision.Kind.GUIDANCE]  # which /guidance/ makes
DECISION = {
    "type": "object",
    "required": ["session", "kind"],
    "properties": {
        "session": {"type": "integer"},
        "kind": {"type": "string", "enum": KINDS},
        "queue": {"type": "string", "description": "slug, for route and correction"},
        "into": {"type": "integer", "description": "for merge: the session that the decision stands for too"},
        "feedback": {"type": "integer", "description": "for correction: the end user's better answer"},
        "rewrite": {"type": "string", "description": "for correction: it mended; left out: as the end user wrote it"},
        "title": {"type": "string", "maxLength": TITLE, "description": "of the issue, for product_issue"},
        "reason": {
            "type": "string", "maxLength": REASON,
            "description": f"needed to dismiss and to escalate; what the experts read first, at most {NOTE}, to route",
        },
    },
}  # fmt: skip
FLAG = {
    "type": "object",
    "required": ["reason"],
    "properties": {"reason": {"type": "string", "maxLength": REASON}},
}
PAGE = 100


@extend_schema(responses={200: ANYTHING})
@api("GET", scope=Scope.READ, right=Right.READ)
def flagged_sessions(request: Request, caller: Caller) -> Response:
    """Sessions with open flags, most urgent first."""
    sessions = list(on_board(caller.project)[:PAGE])
    flags: dict[int, list[dict[str, object]]] = {session.pk: [] for session in sessions}
    for one in Flag.objects.filter(session__in=sessions).open().order_by("-severity", "pk"):
        flags[one.session_id].append(flag_body(one))
    return Response({"items": [{"id": s.pk, "external_id": s.external_id, "flags": flags[s.pk]} for s in sessions]})


def flag_body(raised: Flag) -> dict[str, object]:
    return {
        "id": raised.pk, "kind": raised.kind, "severity": raised.severity, "evidence": raised.evidence,
        "interaction": raised.interaction_id,
    }  # fmt: skip


@extend_schema(request={"application/json": DECISION}, responses={201: ANYTHING})
@api("POST", scope=Scope.APPROVE, right=Right.TRIAGE)
def decisions(request: Request, caller: Caller) -> Response:
    """Decide on the open flags of a session, in one of the kinds that the board knows."""
    body, project, user = object_of(request), caller.project, caller.user
    session = session_of(project, user, whole_number_of(body, "session"))
    kind = choice_of(body, "kind", KINDS, required=True)
    reason = text_of(body, "reason", limit=REASON)
    if kind == Decision.Kind.ROUTE:
        queue = chosen_queue(project, user, text_of(body, "queue", limit=60))
        made = route(session, queue=queue, by=user, reason=reason)
    elif kind == Decision.Kind.DISMISS:
        made = dismiss(session, by=user, reason=reason)
    elif kind == Decision.Kind.ESCALATE:
        made = escalate(session, by=user, reason=reason)
    elif kind == Decision.Kind.MERGE:
        made = merge(session, into=session_of(project, user, whole_number_of(body, "into")), by=user)
    elif kind == Decision.Kind.CORRECTION:
        sign = better_answer_of(session, whole_number_of(body, "feedback"))
        queue = chosen_queue(project, user, text_of(body, "queue", limit=60))
        made = accept_correction(sign, queue=queue, by=user, rewrite=text_of(body, "rewrite") or sign.text)
    else:
        made = make_issue_of(session, title=text_of(body, "title", limit=TITLE), by=user)
    return Response({"id": made.pk, "kind": made.kind, "session": session.pk}, status=201)


@extend_schema(request=None, responses={204: None})
@api("DELETE", scope=Scope.APPROVE, right=Right.TRIAGE)
def decision(request: Request, caller: Caller, pk: int) -> Response:
    """Take one's own decision back, while no expert has begun on a task that would go with it."""
    undo(decision_of(caller.project, caller.user, pk), by=caller.user)
    return Response(status=204)


@extend_schema(request={"application/json": FLAG}, responses={201: ANYTHING})
@api("POST", scope=Scope.LABEL, right=Right.LABEL)
def task_flag(request: Request, caller: Caller, pk: int) -> Response:
    """Ask a moderator to look at the answer of a task; the task stays as it is."""
    task, reason = task_of(caller.project, caller.user, pk), text_of(object_of(request), "reason", limit=REASON)
    return Response(flag_body(flag(task.interaction, by=caller.user, reason=reason)), status=201)
