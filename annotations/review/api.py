"""Review over HTTP: what the desk and the approval page do, under the same rules."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from annotations.capture.models import Interaction
from annotations.review.actions.approvals import approve, as_payload, send_back
from annotations.review.actions.claims import claim_next, release, skip
from annotations.review.actions.drafts import save_draft
from annotations.review.actions.labels import submit
from annotations.review.actions.queues import add_tasks, create_queue, draw_at_random
from annotations.review.models import Claim, Label, LabelQuerySet, Queue, ReviewTask
from annotations.review.progress import progress
from labelhub.body import object_of
from labelhub.errors import Invalid, NotFound, ensure
from labelhub.keys.authentication import Caller, api
from labelhub.keys.models import Scope
from labelhub.projects.actions import ensure_right
from labelhub.projects.rights import Right

ANYTHING = {"type": "object", "additionalProperties": True}
JUDGEMENT = {
    "type": "object",
    "required": ["fence", "verdict"],
    "properties": {
        "fence": {"type": "integer"},
        "verdict": {"type": "string", "enum": Label.Verdict.values},
        "categories": {"type": "array", "items": {"type": "object", "properties": {
            "category": {"type": "string"}, "severity": {"type": "integer", "minimum": 1, "maximum": 3}}}},
        "root_cause": {"type": "string", "enum": ["", *Label.RootCause.values]},
        "rewrite": {"type": "string"},
        "confidence": {"type": "string", "enum": ["", *Label.Confidence.values]},
        "note": {"type": "string"},
        "active_seconds": {"type": "number"},
        "comments": {"type": "array", "items": {"type": "object", "properties": {
            "start": {"type": "integer"}, "end": {"type": "integer"}, "exact": {"type": "string"},
            "text": {"type": "string"}, "category": {"type": ["string", "null"]},
            "replacement": {"type": ["string", "null"]}}}},
    },
}  # fmt: skip


def _queue(caller: Caller, slug: str) -> Queue:
    queue = Queue.objects.visible_to(caller.user).filter(project=caller.project, slug=slug).first()
    if queue is None:
        raise NotFound
    return queue


def _task(caller: Caller, pk: int) -> ReviewTask:
    task = ReviewTask.objects.visible_to(caller.user).filter(project=caller.project, pk=pk).first()
    if task is None:
        raise NotFound
    return task


def _labels(caller: Caller) -> LabelQuerySet:
    """Those of the project that the caller may see; a key without the scope to approve shows the person's own."""
    labels = Label.objects.visible_to(caller.user).filter(project=caller.project).with_evidence()
    return labels if caller.may(Right.APPROVE) else labels.filter(author=caller.user)


def _label(caller: Caller, pk: int) -> Label:
    label = _labels(caller).filter(pk=pk).first()
    if label is None:
        raise NotFound
    return label


def _fence(body: dict[str, Any]) -> int:
    fence = body.get("fence")
    if not isinstance(fence, int) or isinstance(fence, bool):
        raise Invalid("fence must be the whole number that the claim gave.", field="fence")
    return fence


def task_body(claim: Claim) -> dict[str, Any]:
    """What a reviewer needs of a claimed task."""
    task = ReviewTask.objects.select_related("interaction__session", "project").get(pk=claim.task_id)
    row = task.interaction
    return {
        "task": task.pk, "fence": claim.fence, "leased_until": claim.leased_until, "reason": task.reason,
        "interaction": {
            "id": row.pk, "external_id": row.external_id, "session": row.session.external_id, "messages": row.messages,
            "documents": row.documents, "output": row.output, "model_version": row.model_version,
        },
        "categories": list(task.project.taxonomy.category_set.values("slug", "name", "description")),
    }  # fmt: skip


def label_body(label: Label) -> dict[str, Any]:
    interaction = label.task.interaction
    return {
        "id": label.pk, "task": label.task_id, "author": str(label.author), "created_at": label.created_at,
        "interaction": {
            "id": interaction.pk, "external_id": interaction.external_id, "prompt": interaction.prompt,
            "output": interaction.output,
        },
        **as_payload(label),
    }  # fmt: skip


@extend_schema(methods=["GET"], responses={200: ANYTHING})
@extend_schema(methods=["POST"], request={"application/json": ANYTHING}, responses={201: ANYTHING})
@api("GET", "POST", scope=Scope.LABEL, right=Right.LABEL)
def queues(request: Request, caller: Caller) -> Response:
    """The queues that one works in; POST {slug, name, instructions, overlap} makes one (moderators)."""
    if request.method == "POST":
        caller.ensure(Right.CURATE)
        body = object_of(request)
        queue = create_queue(
            caller.project, slug=str(body.get("slug", "")), name=str(body.get("name") or body.get("slug", "")),
            instructions=str(body.get("instructions", "")), by=caller.user,
        )  # fmt: skip
        return Response({"slug": queue.slug, "name": queue.name}, status=201)
    mine = Queue.objects.visible_to(caller.user).filter(project=caller.project).order_by("name")
    return Response({"items": [{"slug": q.slug, "name": q.name, **progress(q, caller.user)} for q in mine]})


@extend_schema(request={"application/json": ANYTHING}, responses={201: ANYTHING})
@api("POST", scope=Scope.APPROVE, right=Right.TRIAGE)
def queue_tasks(request: Request, caller: Caller, slug: str) -> Response:
    """Put work into a queue: {"interactions": [external ids], "reason": "…"} or {"random": n}."""
    body, queue = object_of(request), _queue(caller, slug)
    if "random" in body:
        ensure(isinstance(body["random"], int), Invalid("random must be a whole number."))
        return Response({"added": draw_at_random(queue, by=caller.user, number=body["random"])}, status=201)
    ids = body.get("interactions")
    if not isinstance(ids, list) or not all(isinstance(i, str) for i in ids) or len(ids) > 1000:
        raise Invalid("interactions must be a list of at most 1,000 external ids.")
    ensure_right(caller.user, caller.project, Right.TRIAGE)
    rows = list(Interaction.objects.filter(project=caller.project, external_id__in=ids))
    missing = sorted(set(ids) - {row.external_id for row in rows})
    ensure(not missing, Invalid(f"Unknown interactions: {', '.join(missing[:10])}."))
    added = add_tasks(queue, rows, by=caller.user, reason=str(body.get("reason", "put in by hand")))
    return Response({"added": added}, status=201)


@extend_schema(request=None, responses={200: ANYTHING, 204: None})
@api("POST", scope=Scope.LABEL, right=Right.LABEL)
def claim_in_queue(request: Request, caller: Caller, slug: str) -> Response:
    """The next task, leased to the caller; 204 when nothing is left for them."""
    claim = claim_next(_queue(caller, slug), by=caller.user)
    return Response(task_body(claim)) if claim else Response(status=204)


@extend_schema(request={"application/json": ANYTHING}, responses={200: ANYTHING})
@api("DELETE", "PATCH", scope=Scope.LABEL, right=Right.LABEL)
def task_claim(request: Request, caller: Caller, pk: int) -> Response:
    """DELETE gives the task back; PATCH {"skip": "reason"} gives it back and does not offer it again."""
    claim = Claim.objects.filter(task=_task(caller, pk), by=caller.user).first()
    if claim is None:
        raise NotFound
    if request.method == "PATCH":
        skip(claim, by=caller.user, reason=str(object_of(request).get("skip", "")))
    else:
        release(claim, by=caller.user)
    return Response(status=204)


@extend_schema(request={"application/json": ANYTHING}, responses={200: ANYTHING})
@api("PUT", scope=Scope.LABEL, right=Right.LABEL)
def task_draft(request: Request, caller: Caller, pk: int) -> Response:
    """Keep a draft: {"fence", "version", "content"}; 409 carries what another tab saved."""
    body = object_of(request)
    version = body.get("version", 0)
    ensure(isinstance(version, int) and version >= 0, Invalid("version must be the version that this text builds on."))
    content = body.get("content", {})
    draft = save_draft(_task(caller, pk), by=caller.user, fence=_fence(body), version=version, content=content)
    return Response({"version": draft.version})


@extend_schema(request={"application/json": JUDGEMENT}, responses={201: ANYTHING})
@api("POST", scope=Scope.LABEL, right=Right.LABEL)
def task_labels(request: Request, caller: Caller, pk: int) -> Response:
    """Submit a judgement of a claimed task."""
    body = object_of(request)
    label = submit(_task(caller, pk), by=caller.user, fence=_fence(body), payload=body)
    return Response(label_body(_label(caller, label.pk)), status=201)


@extend_schema(responses={200: ANYTHING})
@api("GET", scope=Scope.LABEL, right=Right.LABEL, query=("state", "after"))
def labels(request: Request, caller: Caller) -> Response:
    """Labels, oldest first; ?state=waiting: those that wait for the caller's approval; ?after=<id> pages on."""
    rows = _labels(caller)
    if request.query_params.get("state") == "waiting":
        caller.ensure(Right.APPROVE)
        rows = rows.for_approval_by(caller.user)
    after = request.query_params.get("after", "0")
    ensure(after.isdigit(), Invalid("after must be the id of the last label seen."))
    return Response({"items": [label_body(label) for label in rows.filter(pk__gt=int(after)).order_by("pk")[:100]]})


@extend_schema(responses={200: ANYTHING})
@api("GET", scope=Scope.LABEL, right=Right.LABEL)
def label(request: Request, caller: Caller, pk: int) -> Response:
    """One label, in the shape in which it was submitted."""
    return Response(label_body(_label(caller, pk)))


@extend_schema(request={"application/json": ANYTHING}, responses={201: ANYTHING})
@api("POST", scope=Scope.APPROVE, right=Right.APPROVE)
def label_approval(request: Request, caller: Caller, pk: int) -> Response:
    """Accept somebody else's label as truth; it is injectable from this answer on."""
    approval = approve(_label(caller, pk), by=caller.user, note=str(object_of(request).get("note", "")))
    approval.refresh_from_db(fields=["at"])
    return Response({"id": approval.pk, "label": pk, "by": str(approval.by), "at": approval.at}, status=201)


@extend_schema(request={"application/json": ANYTHING}, responses={201: ANYTHING})
@api("POST", scope=Scope.APPROVE, right=Right.APPROVE)
def label_return(request: Request, caller: Caller, pk: int) -> Response:
    """Send a label back to its author: {"reason": "…"}."""
    returned = send_back(_label(caller, pk), by=caller.user, reason=str(object_of(request).get("reason", "")))
    return Response({"id": returned.pk, "label": pk, "reason": returned.reason}, status=201)
