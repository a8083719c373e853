"""A claimed task over HTTP: given back, put off, drafted, judged."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from annotations.review.actions.calibration import shown_result
from annotations.review.actions.claims import release, skip, snooze
from annotations.review.actions.drafts import save_draft
from annotations.review.actions.labels import submit
from annotations.review.api.own import label_of_caller, number_of_address
from annotations.review.bodies import (
    ANYTHING,
    JUDGEMENT,
    calibration_body,
    label_body,
)
from annotations.review.lookup import claim_of, task_of
from annotations.review.payload import moment_of, text_of, whole_number_of
from labelhub.body import object_of
from labelhub.keys.authentication import Caller, api
from labelhub.keys.models import Scope
from labelhub.projects.rights import Right


@extend_schema(request={"application/json": ANYTHING}, responses={204: None})
@api("DELETE", "PATCH", scope=Scope.LABEL, right=Right.LABEL, query=("fence",))
def task_claim(request: Request, caller: Caller, pk: int) -> Response:
    """DELETE gives the task back; PATCH {"skip": "reason"} gives it back and does not offer it again.

    PATCH {"snooze": "<moment with offset>"} gives it back until then.

    With the fence of the claim, DELETE with ?fence=<fence> and PATCH {"skip": "reason", "fence": <fence>} leave a claim
    alone that was taken anew since then; PATCH says so with 409.
    """
    claim = claim_of(task_of(caller.project, caller.user, pk), caller.user)
    if request.method == "PATCH":
        body = object_of(request)
        fence = whole_number_of(body, "fence", default=claim.fence)
        if body.get("snooze") is None:
            skip(claim, by=caller.user, reason=text_of(body, "skip", limit=300), fence=fence)
        else:
            snooze(claim, by=caller.user, until=moment_of(body, "snooze"), fence=fence)
    else:
        release(claim, by=caller.user, fence=number_of_address(request, "fence", claim.fence))
    return Response(status=204)


@extend_schema(request={"application/json": ANYTHING}, responses={200: ANYTHING})
@api("PUT", scope=Scope.LABEL, right=Right.LABEL)
def task_draft(request: Request, caller: Caller, pk: int) -> Response:
    """Keep a draft: {"fence", "version", "content"}; 409 carries what another tab saved.

    With a name of one's own under "tab" in the content, a save whose answer was lost is no other tab's.
    """
    body, task = object_of(request), task_of(caller.project, caller.user, pk)
    fence, version = whole_number_of(body, "fence"), whole_number_of(body, "version", default=0)
    draft = save_draft(task, by=caller.user, fence=fence, version=version, content=body.get("content", {}))
    return Response({"version": draft.version})


@extend_schema(request={"application/json": JUDGEMENT}, responses={201: ANYTHING})
@api("POST", scope=Scope.LABEL, right=Right.LABEL)
def task_labels(request: Request, caller: Caller, pk: int) -> Response:
    """Submit a judgement of a claimed task. Of a calibration item the answer says what the gold answer is."""
    body, task = object_of(request), task_of(caller.project, caller.user, pk)
    label = submit(task, by=caller.user, fence=whole_number_of(body, "fence"), payload=body)
    told = calibration_body(shown_result(label))
    return Response({**label_body(label_of_caller(caller, label.pk)), **told}, status=201)
