"""Snapshots, runs, suites, evaluations and verdicts over HTTP."""

import secrets
from dataclasses import fields
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from labelhub.body import object_of
from labelhub.errors import Invalid, NotFound, ensure
from labelhub.keys.authentication import Caller, api
from labelhub.keys.models import Scope
from labelhub.projects.rights import Right
from training.api_shapes import ANYTHING, ITEMS, PAGE, numbered, page
from training.datasets.actions import Wanted
from training.datasets.models import DatasetSnapshot
from training.evaluation.actions.suites import add_cases, retire_case
from training.evaluation.models import Case, Evaluation
from training.lm.recipes import NAMED, BadRecipe, Recipe
from training.registry import shown
from training.registry.actions import evaluate_against_live, latest_report, launch_retrain, take_snapshot
from training.runs.actions import cancel
from training.runs.models import ModelVersion, TrainingRun

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
RETIRE = {"type": "object", "required": ["reason"], "properties": {"reason": {"type": "string"}}}


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
        rows = page(request, caller, DatasetSnapshot.objects.select_related("by"))
        return Response({"items": shown.snapshots(rows)})
    body = object_of(request)
    unknown = set(body) - WISHES
    ensure(not unknown, Invalid(f"Unknown: {', '.join(sorted(unknown))}."))
    parent = _parent(caller, body)
    wanted = Wanted(**{name: value for name, value in body.items() if name != "parent"})
    made = take_snapshot(caller.project, by=caller.user, wanted=wanted, parent=parent)
    return Response(shown.whole_snapshot(made), status=201)


@extend_schema(responses={200: ANYTHING})
@api("GET", scope=Scope.TRAIN, right=Right.TRAIN)
def snapshot(request: Request, caller: Caller, number: int) -> Response:
    """One snapshot with its first rows and what was left out."""
    return Response(shown.whole_snapshot(numbered(DatasetSnapshot.objects.all(), caller, number)))


@extend_schema(methods=["POST"], request={"application/json": LAUNCH}, responses={201: ANYTHING})
@extend_schema(methods=["GET"], responses={200: ITEMS})
@api("GET", "POST", scope=Scope.TRAIN, right=Right.TRAIN, query=("before",))
def runs(request: Request, caller: Caller) -> Response:
    """The runs of the project; or launch one."""
    if request.method == "GET":
        return Response({"items": [shown.run(row) for row in page(request, caller, _runs())]})
    made = launch_retrain(caller.project, by=caller.user, **_wanted_run(caller, object_of(request)))
    return Response(shown.run(made), status=201)


def _wanted_run(caller: Caller, body: dict[str, Any]) -> dict[str, Any]:
    """What the body asks for, as `launch_retrain` takes it. Raises Invalid, NotFound."""
    texts = {name: body.get(name, "") for name in ("reason", "token")}
    ensure(all(isinstance(text, str) for text in texts.values()), Invalid("reason and token must be texts."))
    return {
        "snapshot": numbered(DatasetSnapshot.objects.all(), caller, body.get("snapshot")),
        "recipe": _recipe(body.get("recipe", "balanced")),
        "reason": texts["reason"],
        "token": texts["token"] or secrets.token_hex(16),
        "seed": body.get("seed", 0),
        "parent": _parent(caller, body),
    }


def _runs() -> Any:
    return TrainingRun.objects.select_related("project", "snapshot", "parent", "launched_by", "version")


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
    return Response({"items": [shown.version(row) for row in page(request, caller, _versions())]})


@extend_schema(responses={200: ANYTHING})
@api("GET", scope=Scope.TRAIN, right=Right.TRAIN)
def version(request: Request, caller: Caller, number: int) -> Response:
    """One version with its newest evaluation."""
    row = numbered(_versions(), caller, number)
    newest = _evaluations().filter(version=row).order_by("-pk").first()
    return Response({**shown.version(row), "evaluation": shown.evaluation_with_figures(newest) if newest else None})


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
        return Response(shown.evaluation(evaluate_against_live(row, by=caller.user)), status=201)
    rows = _evaluations().filter(version=row).order_by("-pk")[:PAGE]
    return Response({"items": [shown.evaluation(one) for one in rows]})


def _evaluations() -> Any:
    return Evaluation.objects.select_related("version", "baseline", "gate_report")


@extend_schema(responses={200: ANYTHING})
@api("GET", scope=Scope.TRAIN, right=Right.TRAIN)
def evaluation(request: Request, caller: Caller, pk: int) -> Response:
    """One evaluation with its figures and every answer."""
    row = _evaluations().of(caller.project).filter(pk=pk).first()
    if row is None:
        raise NotFound
    return Response({**shown.evaluation_with_figures(row), "results": shown.results(row)})


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
    done = add_cases(caller.project, suite=slug, items=items, by=caller.user, name=name)
    shown_cases = shown.cases(done.cases)
    return Response({"cases": shown_cases, "refused": done.refused}, status=207 if done.refused else 201)


@extend_schema(request={"application/json": RETIRE}, responses={200: ANYTHING})
@api("POST", scope=Scope.TRAIN, right=Right.CURATE)
def case_retire(request: Request, caller: Caller, pk: int) -> Response:
    """Take a case out of its suite: no later evaluation asks it; what it showed stays."""
    case = Case.objects.of(caller.project).select_related("suite__project").filter(pk=pk).first()
    if case is None:
        raise NotFound
    reason = object_of(request).get("reason", "")
    ensure(isinstance(reason, str), Invalid("reason must be a text."))
    return Response(shown.cases([retire_case(case, by=caller.user, reason=reason)])[0])
