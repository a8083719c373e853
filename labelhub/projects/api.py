"""By what a project is judged, over HTTP: read it, save the next version."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from labelhub.body import object_of, stored_value
from labelhub.errors import Invalid, ensure
from labelhub.keys.authentication import Caller, api
from labelhub.keys.models import Scope
from labelhub.projects.actions import save_guidelines, save_taxonomy
from labelhub.projects.models import Guidelines, Taxonomy
from labelhub.projects.outline import Entry
from labelhub.projects.rights import Right

TEXT = {"type": "string"}
AFTER = {"type": "integer", "description": "The version that this one comes after: 409 when there is a newer one."}
CATEGORY = {
    "type": "object",
    "required": ["slug", "name"],
    "properties": {
        "slug": {**TEXT, "maxLength": 60},
        "name": {**TEXT, "maxLength": 80},
        "description": {**TEXT, "maxLength": 300},
        "parent": {**TEXT, "description": "The slug of a category that stands before it, if it lies below one."},
    },
}
TAXONOMY = {
    "type": "object",
    "required": ["after", "categories"],
    "properties": {"after": AFTER, "categories": {"type": "array", "items": CATEGORY}},
}
GUIDELINES = {"type": "object", "required": ["after", "text"], "properties": {"after": AFTER, "text": TEXT}}
SAVED = {"type": "object", "properties": {"version": {"type": "integer"}}, "additionalProperties": True}


@extend_schema(methods=["GET"], responses={200: SAVED})
@extend_schema(methods=["PUT"], request={"application/json": TAXONOMY}, responses={200: SAVED})
@api("GET", "PUT", scope=Scope.LABEL, right=Right.LABEL)
def taxonomy(request: Request, caller: Caller) -> Response:
    """The categories of the newest version, in order; PUT saves the next version (moderators)."""
    if request.method == "PUT":
        caller.ensure(Right.CURATE)
        body = _body(request)
        saved = save_taxonomy(caller.project, _entries(body), after=_after(body), by=caller.user)
        return Response(_taxonomy_body(saved))
    return Response(_taxonomy_body(caller.project.taxonomy))


@extend_schema(methods=["GET"], responses={200: SAVED})
@extend_schema(methods=["PUT"], request={"application/json": GUIDELINES}, responses={200: SAVED})
@api("GET", "PUT", scope=Scope.LABEL, right=Right.LABEL)
def guidelines(request: Request, caller: Caller) -> Response:
    """The newest version of the instructions; PUT saves the next one (moderators)."""
    if request.method == "PUT":
        caller.ensure(Right.CURATE)
        body = _body(request)
        ensure(isinstance(body.get("text"), str), Invalid("text must be the text of the guidelines.", field="text"))
        saved = save_guidelines(caller.project, body["text"], after=_after(body), by=caller.user)
        return Response(_guidelines_body(saved))
    return Response(_guidelines_body(caller.project.guidelines))


def _body(request: Request) -> dict[str, Any]:
    return dict(stored_value(object_of(request))[0])


def _after(body: dict[str, Any]) -> int:
    after = body.get("after")
    whole = isinstance(after, int) and not isinstance(after, bool)
    ensure(whole, Invalid("after must be the number of the version that you have read.", field="after"))
    return int(after)  # type: ignore[arg-type]


def _entries(body: dict[str, Any]) -> list[Entry]:
    """The categories of a body, not yet checked against each other. Raises Invalid."""
    items = body.get("categories")
    whole = isinstance(items, list) and all(isinstance(item, dict) for item in items)
    ensure(whole, Invalid("categories must be a list of objects.", field="categories"))
    return [_entry(item, number) for number, item in enumerate(items)]  # type: ignore[arg-type]


def _entry(item: dict[str, Any], number: int) -> Entry:
    values = {name: item.get(name) or "" for name in ("slug", "name", "description", "parent")}
    at = f"categories[{number}]"
    ensure(set(item) <= set(values), Invalid(f"{at} has unknown fields. Known: {', '.join(values)}.", field=at))
    texts = all(isinstance(value, str) for value in values.values())
    ensure(texts, Invalid(f"{at}: {', '.join(values)} are texts.", field=at))
    return Entry(**values)


def _taxonomy_body(taxonomy: Taxonomy) -> dict[str, Any]:
    return {"version": taxonomy.version, "categories": [vars(entry) for entry in taxonomy.entries]}


def _guidelines_body(guidelines: Guidelines) -> dict[str, Any]:
    return {"version": guidelines.version, "text": guidelines.text}
