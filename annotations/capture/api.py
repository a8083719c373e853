"""Capture over HTTP: POST one or many; 2xx means durable."""

from functools import partial
from typing import Any

from django.conf import settings
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from annotations.capture.actions.ingest import Outcome, ingest_feedback, ingest_interactions
from annotations.capture.actions.scores import Definition, ingest_scores, save_metric
from annotations.capture.fields import checked, json_schema
from annotations.capture.models import Feedback, Interaction, Metric, Score
from annotations.capture.payloads import INTERACTION, feedback_schema
from annotations.capture.scoring import METRIC, SCORE
from labelhub.body import object_of, sent_object
from labelhub.errors import Conflict, Invalid, Malformed, NotFound, ensure
from labelhub.keys.authentication import Caller, api
from labelhub.keys.models import Scope
from labelhub.projects.rights import Right

RECEIPT = {"type": "object", "properties": {"id": {"type": "integer"}, "external_id": {"type": "string"}}}
OUTCOMES = {
    "type": "object",
    "properties": {
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "status": {"type": "string", "enum": ["created", "replayed", "conflict", "invalid", "unknown"]},
                    "external_id": {"type": ["string", "null"]},
                    "id": {"type": ["integer", "null"]},
                    "error": {"type": "string"},
                },
            },
        }
    },
}


PARKED = {
    "type": "object",
    "properties": {
        "parked": {"type": "integer"},
        "oldest": {"type": ["string", "null"], "format": "date-time"},
        "about": {"type": "array", "items": {"type": "string"}, "description": "What the oldest of them are about."},
    },
}
SHOWN_PARKED = 20
METRIC_SAVED = {"type": "object", "properties": {"version": {"type": "integer"}}, "additionalProperties": True}


def _batch_of(item: dict[str, Any]) -> dict[str, Any]:
    items = {"type": "array", "items": item, "maxItems": settings.MAX_BATCH_ITEMS}
    return {"type": "object", "required": ["items"], "properties": {"items": items}}


def _one(outcome: Outcome) -> Response:
    if outcome.status == "invalid":
        raise Invalid(outcome.error)
    if outcome.status == "conflict":
        raise Conflict(outcome.error)
    body = {"id": outcome.id, "external_id": outcome.external_id}
    return Response(body, status=201 if outcome.status == "created" else 200)


def _many(request: Request, ingest: Any, caller: Caller) -> Response:
    items: Any = sent_object(request).get("items")
    ensure(isinstance(items, list), Malformed('Send {"items": [ … ]}.'))
    ensure(len(items) <= settings.MAX_BATCH_ITEMS, Malformed(f"Send at most {settings.MAX_BATCH_ITEMS} items at once."))
    outcomes = ingest(caller.project, items)
    rows = [vars(outcome) for outcome in outcomes]
    return Response({"items": rows}, status=200 if all(outcome.fine for outcome in outcomes) else 207)


@extend_schema(request={"application/json": json_schema(INTERACTION)}, responses={201: RECEIPT, 200: RECEIPT})
@api("POST", scope=Scope.INGEST, right=Right.INGEST)
def interactions(request: Request, caller: Caller) -> Response:
    """Store one interaction. The same external_id with the same body answers as the first time; another body is 409."""
    return _one(ingest_interactions(caller.project, [sent_object(request)])[0])


@extend_schema(
    request={"application/json": _batch_of(json_schema(INTERACTION))},
    responses={200: OUTCOMES, 207: OpenApiResponse(OUTCOMES, "Some items were refused; the others are stored.")},
)  # fmt: skip
@api("POST", scope=Scope.INGEST, right=Right.INGEST)
def interactions_batch(request: Request, caller: Caller) -> Response:
    """Store up to 1,000 interactions; an answer per item."""
    return _many(request, ingest_interactions, caller)


@extend_schema(request={"application/json": feedback_schema()}, responses={201: RECEIPT, 200: RECEIPT})
@api("POST", scope=Scope.FEEDBACK, right=Right.INGEST)
def feedback(request: Request, caller: Caller) -> Response:
    """Store one sign of how an answer was received."""
    return _one(ingest_feedback(caller.project, [sent_object(request)])[0])


@extend_schema(
    request={"application/json": _batch_of(feedback_schema())},
    responses={200: OUTCOMES, 207: OUTCOMES},
)  # fmt: skip
@api("POST", scope=Scope.FEEDBACK, right=Right.INGEST)
def feedback_batch(request: Request, caller: Caller) -> Response:
    """Store up to 1,000 signs of feedback; an answer per item."""
    return _many(request, ingest_feedback, caller)


@extend_schema(responses={200: PARKED})
@api("GET", scope=Scope.READ, right=Right.READ)
def feedback_parked(request: Request, caller: Caller) -> Response:
    """How much feedback waits for an interaction or session that has not arrived. It is linked when that does."""
    waiting = Feedback.objects.filter(project=caller.project).parked().order_by("received_at", "pk")
    oldest = list(waiting[:SHOWN_PARKED])
    about = [sign.about_interaction or sign.about_session for sign in oldest]
    first = oldest[0].received_at if oldest else None
    return Response({"parked": waiting.count(), "oldest": first, "about": about})


@extend_schema(responses={200: {"type": "object", "additionalProperties": True}})
@api("GET", scope=Scope.READ, right=Right.READ)
def interaction(request: Request, caller: Caller, pk: int) -> Response:
    """One interaction with its feedback."""
    row = Interaction.objects.filter(project=caller.project, pk=pk).select_related("session").first()
    if row is None:
        raise NotFound
    signs = Feedback.objects.filter(interaction=row).order_by("occurred_at")
    scores = Score.objects.filter(interaction=row).given().select_related("metric").order_by("pk")
    return Response(
        {
            "id": row.pk, "external_id": row.external_id, "session": row.session.external_id,
            "messages": row.messages, "output": row.output, "documents": row.documents,
            "model_version": row.model_version, "prompt_version": row.prompt_version, "environment": row.environment,
            "user_role": row.user_role, "confidence": row.confidence, "mean_logprob": row.mean_logprob,
            "occurred_at": row.occurred_at, "received_at": row.received_at, "metadata": row.metadata,
            "feedback": list(signs.values("kind", "value", "text", "occurred_at")),
            "scores": [
                {"metric": one.metric.name, "version": one.metric.version, "source": one.metric.source,
                 "value": one.value, "label": one.label, "note": one.note, "at": one.at}
                for one in scores
            ],
        }
    )  # fmt: skip


@extend_schema(
    request={"application/json": _batch_of(json_schema(SCORE))},
    responses={200: OUTCOMES, 207: OpenApiResponse(OUTCOMES, "Some items were refused; the others are stored.")},
)  # fmt: skip
@api("POST", scope=Scope.INGEST, right=Right.INGEST)
def scores(request: Request, caller: Caller) -> Response:
    """Store up to 1,000 scores; an answer per item, `unknown` where the interaction has not arrived yet."""
    return _many(request, partial(ingest_scores, by=caller.person), caller)


@extend_schema(methods=["GET"], responses={200: {"type": "object", "additionalProperties": True}})
@extend_schema(methods=["PUT"], request={"application/json": json_schema(METRIC)}, responses={200: METRIC_SAVED})
@api("GET", "PUT", scope=Scope.READ, right=Right.READ)
def metrics(request: Request, caller: Caller) -> Response:
    """The newest version of each metric; PUT saves the next version of one, or a new one (moderators)."""
    if request.method == "PUT":
        caller.ensure(Right.CURATE)
        sent = {name: value for name, value in checked(object_of(request), METRIC).items() if value is not None}
        after = sent.pop("after")
        saved = save_metric(caller.project, Definition(**sent), after=after, by=caller.user)
        return Response(_metric_body(saved))
    current = Metric.objects.filter(project=caller.project).current().order_by("name")
    return Response({"items": [_metric_body(metric) for metric in current]})


def _metric_body(metric: Metric) -> dict[str, Any]:
    return {
        "name": metric.name, "version": metric.version, "source": metric.source, "kind": metric.kind,
        "description": metric.description, "threshold": metric.threshold, "share": metric.share,
    }  # fmt: skip
