"""What people said differently over HTTP: read side by side, and settled."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from annotations.review.actions.adjudications import choose, write_final
from annotations.review.api.own import label_of_caller, number_of_address
from annotations.review.bodies import ADJUDICATION, ANYTHING, label_body
from annotations.review.disputes import disputed
from annotations.review.lookup import task_of
from annotations.review.models import Adjudication, Label, ReviewTask
from annotations.review.payload import object_in, text_of, whole_number_of
from labelhub.body import object_of
from labelhub.errors import Invalid, NotFound, ensure
from labelhub.keys.authentication import Caller, api
from labelhub.keys.models import Scope
from labelhub.projects.rights import Right

PAGE = 100


@extend_schema(responses={200: ANYTHING})
@api("GET", scope=Scope.APPROVE, right=Right.APPROVE, query=("after",))
def adjudications(request: Request, caller: Caller) -> Response:
    """Tasks of which people said different things, with their labels, the oldest first; ?after=<task> pages on."""
    tasks = disputed(caller.project, caller.user).filter(pk__gt=number_of_address(request, "after", 0))[:PAGE]
    said: dict[int, list[Label]] = {task.pk: [] for task in tasks}
    for label in Label.objects.standing().filter(task__in=said, overruling=None).with_evidence().order_by("pk"):
        said[label.task_id].append(label)
    items = [{"task": pk, "labels": [label_body(label) for label in labels]} for pk, labels in said.items()]
    return Response({"items": items})


@extend_schema(request={"application/json": ADJUDICATION}, responses={201: ANYTHING})
@api("POST", scope=Scope.APPROVE, right=Right.APPROVE)
def task_adjudication(request: Request, caller: Caller, pk: int) -> Response:
    """Settle a task: {"label": id, "reason"} chooses one of its labels and approves it.

    {"judgement": {…}, "reason"} writes the final one, in the shape of a submit; somebody else approves that.
    """
    settled = _settle(caller, task_of(caller.project, caller.user, pk), object_of(request))
    approved = not Label.objects.waiting().filter(pk=settled.label_id).exists()
    told = {"task": pk, "label": settled.label_id, "reason": settled.reason, "approved": approved}
    return Response({**told, "overruled": sorted(settled.overruled.values_list("label", flat=True))}, status=201)


def _settle(caller: Caller, task: ReviewTask, body: dict[str, Any]) -> Adjudication:
    reason, ground = text_of(body, "reason"), text_of(body, "ground", limit=10)
    one = ("label" in body) != ("judgement" in body)
    ensure(one, Invalid("Name a label of the task, or send a judgement of your own.", field="label"))
    if "judgement" in body:
        return write_final(task, by=caller.user, payload=object_in(body, "judgement"), reason=reason)
    label = label_of_caller(caller, whole_number_of(body, "label"))
    ensure(label.task_id == task.pk, NotFound())
    return choose(label, by=caller.user, reason=reason, ground=ground)
