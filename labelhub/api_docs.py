"""The reference of the API, read from the same schema that /api/schema/ serves."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

METHODS = ("get", "post", "put", "patch", "delete")


def endpoints() -> list[dict[str, Any]]:
    """[{path, method, text, body}] in the order of the addresses; `body` is the JSON schema of the request or ''."""
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    return [
        {"path": path, "method": method.upper(), "text": operation.get("description", ""), "body": _body(operation)}
        for path, operations in sorted(paths.items())
        for method, operation in operations.items()
        if method in METHODS
    ]


def _body(operation: dict[str, Any]) -> str:
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    return json.dumps(schema, indent=2, ensure_ascii=False) if schema.get("properties") else ""


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    return render(request, "api_docs.html", {"endpoints": endpoints()})
