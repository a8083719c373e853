"""Labels over HTTP: read, decided on, taken back, revised, talked about."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from annotations.review.actions.approvals import approve_next, send_back
from annotations.review.actions.calibration import calibrate_with, stop_calibrating
from annotations.review.actions.labels import revise, withdraw
from annotations.review.actions.threads import reopen, reply, resolve
from annotations.review.agreement import agreement, reviewers
from annotations.review.api.own import label_of_caller, labels_of_caller, number_of_address
from annotations.review.bodies import (
    ANYTHING,
    APPROVAL,
    REVISION,
    agreement_body,
    label_body,
    task_body,
)
from annotations.review.lookup import comment_of
from annotations.review.models import Claim, FirstApproval, Label
from annotations.review.payload import text_of
from labelhub.body import object_of
from labelhub.errors import Invalid, ensure
from labelhub.keys.authentication import Caller, api
from labelhub.keys.models import Scope
from labelhub.projects.rights import Right

PAGE = 100


@extend_schema(responses={200: ANYTHING})
@api("GET", scope=Scope.LABEL, right=Right.LABEL, query=("state", "after"))
def labels(request: Request, caller: Caller) -> Response:
    """Labels, oldest first; ?state=waiting: those that wait for the caller's approval; ?after=<id> pages on."""
    rows, state = labels_of_caller(caller), request.query_params.get("state")
    ensure(state in {None, "waiting"}, Invalid("state must be waiting, or left out for all labels.", field="state"))
    if state == "waiting":
        caller.ensure(Right.APPROVE)
        rows = rows.for_approval_by(caller.user)
    shown = rows.filter(pk__gt=number_of_address(request, "after", 0)).order_by("pk")[:PAGE]
    return Response({"items": [label_body(label) for label in shown]})


@extend_schema(responses={200: ANYTHING})
@api("GET", scope=Scope.LABEL, right=Right.LABEL)
def label(request: Request, caller: Caller, pk: int) -> Response:
    """One label, in the shape in which it was submitted, and what was said about its comments."""
    return Response(label_body(label_of_caller(caller, pk), threads=True))


@extend_schema(responses={200: ANYTHING})
@api("GET", scope=Scope.LABEL, right=Right.LABEL)
def agreement_of_caller(request: Request, caller: Caller) -> Response:
    """How alike the caller judges with others and with gold answers; for moderators also how alike everybody does."""
    everybody = reviewers(caller.project) if caller.may(Right.APPROVE) else []
    return Response(agreement_body(agreement(caller.user, caller.project), everybody))


@extend_schema(request={"application/json": APPROVAL}, responses={201: ANYTHING})
@api("POST", scope=Scope.APPROVE, right=Right.APPROVE)
def label_approval(request: Request, caller: Caller, pk: int) -> Response:
    """Accept somebody else's label as truth; it is injectable from this answer on.

    Where two people approve, each names a ground, and the first answer says that another approval is missing.
    """
    body, label = object_of(request), label_of_caller(caller, pk)
    ground = text_of(body, "ground", limit=10)
    approval = approve_next(label, by=caller.user, note=text_of(body, "note"), ground=ground)
    approval.refresh_from_db(fields=["at"])
    missing = int(isinstance(approval, FirstApproval))
    told = {"id": approval.pk, "label": pk, "by": str(approval.by), "at": approval.at, "missing": missing}
    return Response(told, status=201)


@extend_schema(request=None, responses={204: None})
@api("PUT", "DELETE", scope=Scope.APPROVE, right=Right.CURATE)
def label_calibration(request: Request, caller: Caller, pk: int) -> Response:
    """PUT hides the case of a gold answer among the work of its queue, as a calibration item; DELETE takes it out."""
    act = calibrate_with if request.method == "PUT" else stop_calibrating
    act(label_of_caller(caller, pk), by=caller.user)
    return Response(status=204)


@extend_schema(request={"application/json": ANYTHING}, responses={201: ANYTHING})
@api("POST", scope=Scope.APPROVE, right=Right.APPROVE)
def label_return(request: Request, caller: Caller, pk: int) -> Response:
    """Send a label back to its author: {"reason": "…"}."""
    returned = send_back(label_of_caller(caller, pk), by=caller.user, reason=text_of(object_of(request), "reason"))
    return Response({"id": returned.pk, "label": pk, "reason": returned.reason}, status=201)


@extend_schema(request=None, responses={201: ANYTHING})
@api("POST", scope=Scope.LABEL, right=Right.LABEL)
def label_withdrawal(request: Request, caller: Caller, pk: int) -> Response:
    """Take one's own label back, until somebody decides on it; the answer is the task, which one holds again.

    Of a revision the answer is the label that it was to revise, which stands again; of a final answer the task, which
    is to be settled again.
    """
    back = withdraw(label_of_caller(caller, pk), by=caller.user)
    if isinstance(back, Claim):
        return Response(task_body(back), status=201)
    return Response(label_body(back) if isinstance(back, Label) else {"task": back.pk}, status=201)


@extend_schema(request={"application/json": REVISION}, responses={201: ANYTHING})
@api("POST", scope=Scope.LABEL, right=Right.LABEL)
def label_revision(request: Request, caller: Caller, pk: int) -> Response:
    """A new version of one's own approved label, which counts until somebody approves the new one."""
    revision = revise(label_of_caller(caller, pk), by=caller.user, payload=object_of(request))
    return Response(label_body(label_of_caller(caller, revision.pk)), status=201)


@extend_schema(request={"application/json": ANYTHING}, responses={201: ANYTHING})
@api("POST", scope=Scope.LABEL, right=Right.LABEL)
def comment_replies(request: Request, caller: Caller, pk: int) -> Response:
    """Answer a comment on a label: {"text": "…"}. Its author, who answered before and who is mentioned are told."""
    comment = comment_of(caller.project, caller.user, pk)
    made = reply(comment, by=caller.user, text=text_of(object_of(request), "text"))
    return Response(label_body(label_of_caller(caller, made.comment.label_id), threads=True), status=201)


@extend_schema(request=None, responses={204: None})
@api("PUT", "DELETE", scope=Scope.LABEL, right=Right.LABEL)
def comment_resolution(request: Request, caller: Caller, pk: int) -> Response:
    """PUT settles the thread of a comment, DELETE opens it again."""
    act = resolve if request.method == "PUT" else reopen
    act(comment_of(caller.project, caller.user, pk), by=caller.user)
    return Response(status=204)
