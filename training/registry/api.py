"""Snapshots, runs, suites, evaluations and verdicts over HTTP."""

import secrets
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from django.db import models
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from labelhub.body import object_of
from labelhub.errors import Invalid, NotFound, ensure
from labelhub.keys.authentication import Caller, api
from labelhub.keys.models import Scope
from labelhub.projects.rights import Right
from training.datasets.actions import Wanted
from training.datasets.models import DatasetSnapshot
from training.evaluation.models import Case, Evaluation
from training.evaluation.suites import add_cases
from training.lm.recipes import NAMED, BadRecipe, Recipe
from training.registry import shown
from training.registry.actions import evaluate_against_live, latest_report, take_snapshot
from training.runs.actions import cancel, launch
from training.runs.models import ModelVersion, TrainingRun

PAGE = 100
ANYTHING = {"type": "object", "additionalProperties": True}
ITEMS = {"type": "object", "properties": {"items": {"type": "array", "items": ANYTHING}}}
WANTED = {
    "type": "object",
    "properties": {
        **{field.name: {"type": "integer", "default": field.default} for field in fields(Wanted)},
        "parent": {"type": ["integer", "null"], "description": "Version to go on from; its corrections become replay."},
    },
}
WISHES = {*(field.name for field in fields(Wanted)), "parent"}
LAUNCH = {
    "type": "object",
    "required": ["snapshot", "reason"],
    "properties": {
        "snapshot": {"type": "integer"},
        "recipe": {"oneOf": [{"type": "string", "enum": [*NAMED]}, ANYTHING], "default": "balanced"},
        "reason": {"type": "string"},
        "token": {"type": "string", "description": "The same token launches once."},
        "seed": {"type": "integer", "default": 0},
        "parent": {"type": ["integer", "null"]},
    },
}
CASES = {
    "type": "object",
    "required": ["items"],
    "properties": {
        "name": {"type": "string"},
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["gold"],
                "properties": {
                    "prompt": {"type": "string"},
                    "messages": {"type": "array", "items": ANYTHING},
                    "gold": {"type": "string"},
                    "external_id": {"type": "string"},
                },
            },
        },
    },
}


def numbered(rows: Any, caller: Caller, number: object) -> Any:
    """The project's row of that number. Raises NotFound."""
    whole = isinstance(number, int) and not isinstance(number, bool) and 0 < number < 2**31
    row = rows.filter(project=caller.project, number=number).first() if whole else None
    if row is None:
        raise NotFound
    return row


def page(request: Request, rows: "models.QuerySet[Any]", show: Callable[[Any], dict[str, Any]]) -> Response:
    """The newest rows; `?before=<number>` for those before."""
    mark = request.query_params.get("before", "")
    if mark.isascii() and mark.isdigit() and len(mark) < 10:
        rows = rows.filter(number__lt=int(mark))
    return Response({"items": [show(row) for row in rows.order_by("-number")[:PAGE]]})


def _parent(caller: Caller, body: dict[str, Any]) -> ModelVersion | None:
    named = body.get("parent")
    return None if named is None else numbered(ModelVersion.objects.select_related("run__snapshot"), caller, named)


def _recipe(given: object) -> Recipe:
    """By name, or as an object of settings. Raises Invalid."""
    if isinstance(given, str):
        ensure(given in NAMED, Invalid(f"recipe must be one of {', '.join(NAMED)}, or an object of settings."))
        return NAMED[given]
    try:
        return Recipe.from_json(given)
    except BadRecipe as error:
        raise Invalid(f"The recipe cannot be used: {error}.") from error


@extend_schema(methods=["POST"], request={"application/json": WANTED}, responses={201: ANYTHING})
@extend_schema(methods=["GET"], responses={200: ITEMS})
@api("GET", "POST", scope=Scope.TRAIN, right=Right.TRAIN, query=("before",))
def snapshots(request: Request, caller: Caller) -> Response:
    """The snapshots of the project; or freeze a new one."""
    if request.method == "GET":
        return page(request, DatasetSnapshot.objects.of(caller.project).select_related("by"), shown.snapshot)
    body = object_of(request)
    unknown = set(body) - WISHES
    ensure(not unknown, Invalid(f"Unknown: {', '.join(sorted(unknown))}."))
    parent = _parent(caller, body)
    wanted = Wanted(**{name: value for name, value in body.items() if name != "parent"})
    made = take_snapshot(caller.project, by=caller.user, wanted=wanted, parent=parent)
    return Response(shown.snapshot(made, detail=True), status=201)


@extend_schema(responses={200: ANYTHING})
@api("GET", scope=Scope.TRAIN, right=Right.TRAIN)
def snapshot(request: Request, caller: Caller, number: int) -> Response:
    """One snapshot with its first rows and what was left out."""
    return Response(shown.snapshot(numbered(DatasetSnapshot.objects.all(), caller, number), detail=True))


@extend_schema(methods=["POST"], request={"application/json": LAUNCH}, responses={201: ANYTHING})
@extend_schema(methods=["GET"], responses={200: ITEMS})
@api("GET", "POST", scope=Scope.TRAIN, right=Right.TRAIN, query=("before",))
def runs(request: Request, caller: Caller) -> Response:
    """The runs of the project; or launch one."""
    if request.method == "GET":
        return page(request, _runs().filter(project=caller.project), shown.run)
    body = object_of(request)
    texts = {name: body.get(name, "") for name in ("reason", "token")}
    ensure(all(isinstance(text, str) for text in texts.values()), Invalid("reason and token must be texts."))
    seed = body.get("seed", 0)
    whole = isinstance(seed, int) and not isinstance(seed, bool) and 0 <= seed < 2**32
    ensure(whole, Invalid("seed must be a whole number from 0 to 4294967295."))
    made = launch(
        caller.project,
        snapshot=numbered(DatasetSnapshot.objects.all(), caller, body.get("snapshot")),
        recipe=_recipe(body.get("recipe", "balanced")),
        by=caller.user,
        reason=texts["reason"],
        token=texts["token"] or secrets.token_hex(16),
        seed=seed,
        parent=_parent(caller, body),
    )
    return Response(shown.run(made), status=201)


def _runs() -> Any:
    return TrainingRun.objects.select_related("project", "snapshot", "parent", "launched_by")


@extend_schema(responses={200: ANYTHING})
@api("GET", scope=Scope.TRAIN, right=Right.TRAIN)
def run(request: Request, caller: Caller, number: int) -> Response:
    """One run: state, step, metrics."""
    return Response(shown.run(numbered(_runs(), caller, number), metrics=True))


@extend_schema(request=None, responses={200: ANYTHING})
@api("POST", scope=Scope.TRAIN, right=Right.TRAIN)
def run_cancel(request: Request, caller: Caller, number: int) -> Response:
    """Take a run back: at once while it waits, else at its next step."""
    row = numbered(_runs(), caller, number)
    cancel(row, by=caller.user)
    return Response(shown.run(row))


def _versions() -> Any:
    return ModelVersion.objects.select_related("project", "run__snapshot")


@extend_schema(responses={200: ITEMS})
@api("GET", scope=Scope.TRAIN, right=Right.TRAIN, query=("before",))
def versions(request: Request, caller: Caller) -> Response:
    """The versions of the project, newest first."""
    return page(request, _versions().filter(project=caller.project), shown.version)


@extend_schema(responses={200: ANYTHING})
@api("GET", scope=Scope.TRAIN, right=Right.TRAIN)
def version(request: Request, caller: Caller, number: int) -> Response:
    """One version with its newest evaluation."""
    row = numbered(_versions(), caller, number)
    newest = row.evaluations.select_related("version", "baseline").order_by("-pk").first()
    return Response({**shown.version(row), "evaluation": shown.evaluation(newest) if newest else None})


@extend_schema(responses={200: ANYTHING})
@api("GET", scope=Scope.TRAIN, right=Right.TRAIN)
def version_gate(request: Request, caller: Caller, number: int) -> Response:
    """What the gate said of a version's newest evaluation."""
    gate = latest_report(numbered(_versions(), caller, number))
    if gate is None:
        raise NotFound("The gate has not judged this version yet.")
    return Response(shown.gate_report(gate))


@extend_schema(methods=["POST"], request=None, responses={201: ANYTHING})
@extend_schema(methods=["GET"], responses={200: ITEMS})
@api("GET", "POST", scope=Scope.TRAIN, right=Right.TRAIN)
def version_evaluations(request: Request, caller: Caller, number: int) -> Response:
    """The evaluations of a version, newest first; or compare it with what is live now."""
    row = numbered(_versions(), caller, number)
    if request.method == "POST":
        return Response(shown.evaluation(evaluate_against_live(row)), status=201)
    rows = row.evaluations.select_related("version", "baseline").order_by("-pk")[:PAGE]
    return Response({"items": [shown.evaluation(one) for one in rows]})


@extend_schema(responses={200: ANYTHING})
@api("GET", scope=Scope.TRAIN, right=Right.TRAIN)
def evaluation(request: Request, caller: Caller, pk: int) -> Response:
    """One evaluation with every answer."""
    rows = Evaluation.objects.of(caller.project).select_related("version", "baseline")
    row = rows.filter(pk=pk).first()
    if row is None:
        raise NotFound
    return Response(shown.evaluation(row, detail=True))


@extend_schema(methods=["POST"], request={"application/json": CASES}, responses={201: ANYTHING, 207: ANYTHING})
@extend_schema(methods=["GET"], responses={200: ITEMS})
@api("GET", "POST", scope=Scope.TRAIN, right=Right.CURATE)
def suite_cases(request: Request, caller: Caller, slug: str) -> Response:
    """The cases of a suite; or put held-out cases into one. 207 when some were refused: the body lists them."""
    if request.method == "GET":
        rows = Case.objects.of(caller.project).filter(suite__slug=slug).order_by("-pk")
        return Response({"items": shown.cases(rows[:1_000])})
    body = object_of(request)
    items, name = body.get("items"), body.get("name", "")
    if not isinstance(items, list) or not items:
        raise Invalid('Send {"items": [{"prompt": "…", "gold": "…"}]}.')
    ensure(isinstance(name, str) and len(name) <= 120, Invalid("name must be a text of at most 120 characters."))
    done = add_cases(caller.project, suite=slug, items=items[:1_001], by=caller.user, name=name)
    shown_cases = shown.cases(done.cases)
    return Response({"cases": shown_cases, "refused": done.refused}, status=207 if done.refused else 201)
