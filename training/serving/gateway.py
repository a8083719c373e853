"""POST /v1/chat/completions: OpenAI's interface in front of whichever version is live for the key's project.

The model is looked up at each request, so a promotion or a rollback holds for the very next one. `model` in the answer
names the version that gave it.
"""

import json
import weakref
from asyncio import AbstractEventLoop, get_running_loop
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from labelhub.body import parse_json
from labelhub.errors import Malformed, NotAllowed, NotFound, Refused, Unavailable, ensure
from labelhub.keys.actions import find_key
from labelhub.keys.limits import spend
from labelhub.keys.models import Scope
from labelhub.projects.actions import has_right
from labelhub.projects.models import Project
from labelhub.projects.rights import Right
from training.registry.live import BASE, Slot, live_version, name_of
from training.runs.models import ModelVersion
from training.serving import inference

ALLOWED = {Scope.INGEST: Right.INGEST, Scope.INJECT: Right.INJECT}
PASSED_ON = ("content-type",)
JSON = {"Content-Type": "application/json"}
TIMEOUT = httpx.Timeout(120.0, connect=2.0)
_clients: "weakref.WeakKeyDictionary[AbstractEventLoop, httpx.AsyncClient]" = weakref.WeakKeyDictionary()


class Unauthorized(Refused):
    status, code = 401, "invalid_api_key"


class NoStreamsHere(Refused):
    """A WSGI process ends a view's event loop with the view: what it still had to send is lost."""

    code = "no_streams_here"

    def __init__(self) -> None:
        where = "with `manage.py up` it listens on the port after that of the pages"
        super().__init__(f"The web process does not stream: ask the gateway ({where}), or leave `stream` out.")


@dataclass(frozen=True)
class Route:
    """Who answers: the name that the inference server knows, and the version to load should it not know it."""

    name: str
    version: ModelVersion | None


@csrf_exempt
@require_http_methods(["POST"])
async def chat_completions(request: HttpRequest) -> HttpResponseBase:
    try:
        body = parse_json(request.body)
        ensure(isinstance(body, dict), Malformed("The body must be a JSON object."))
        project = await sync_to_async(project_of)(request)
        ensure(isinstance(request, ASGIRequest) or not body.get("stream"), NoStreamsHere())
        route = await sync_to_async(resolve)(project, body.get("model"))
        return await _answer(route, {**body, "model": route.name})
    except Refused as refusal:
        return error(refusal)


@require_http_methods(["GET"])
def models(request: HttpRequest) -> HttpResponse:
    """The names that may be asked for."""
    try:
        project = project_of(request)
    except Refused as refusal:
        return error(refusal)
    versions = ModelVersion.objects.of(project).select_related("project").newest_first()[:100]
    names = [*Slot.values, BASE, *(version.name for version in versions)]
    data = [{"id": name, "object": "model", "created": 0, "owned_by": project.slug} for name in names]
    return JsonResponse({"object": "list", "data": data})


def project_of(request: HttpRequest) -> Project:
    """The key's project. Raises Unauthorized, NotAllowed."""
    kind, _, text = request.headers.get("Authorization", "").partition(" ")
    key = find_key(text.strip()) if kind.lower() == "bearer" else None
    if key is None or (key.person and not key.person.is_active):
        raise Unauthorized("Send a valid key as `Authorization: Bearer lh_…`.")
    spend(key)
    person = key.person
    allowed = (
        scope in key.scopes and (person is None or has_right(person, key.project, right))
        for scope, right in ALLOWED.items()
    )
    ensure(any(allowed), NotAllowed("This key may not ask the model: it needs the scope inject or ingest."))
    return key.project


def resolve(project: Project, model: Any) -> Route:
    """`production`, `staging`, `base` or `<slug>-v<number>`. Raises NotFound."""
    if model in Slot.values:
        version = live_version(project, model)
        return Route(name_of(version), version)
    if model == BASE:
        return Route(BASE, None)
    prefix, _, number = str(model).rpartition("-v")
    if prefix == project.slug and number.isascii() and number.isdigit() and len(number) < 10:
        named = ModelVersion.objects.of(project).select_related("project").filter(number=int(number)).first()
        if named:
            return Route(named.name, named)
    raise NotFound(f"There is no model `{str(model)[:100]}` here: ask for production, staging, base or a version.")


async def _answer(route: Route, body: dict[str, Any]) -> HttpResponseBase:
    response = await _send(body)
    if response.status_code == 404 and route.version:  # the server was started anew since
        await response.aclose()
        await sync_to_async(inference.load)(route.version)
        response = await _send(body)
    headers = {name: response.headers[name] for name in PASSED_ON if name in response.headers}
    if body.get("stream") and response.is_success:
        return StreamingHttpResponse(_relayed(response), headers={**headers, "X-Accel-Buffering": "no"})
    try:
        content = await response.aread()
    except httpx.HTTPError as failure:
        raise Unavailable("The inference server broke off.") from failure
    finally:
        await response.aclose()
    return HttpResponse(content, status=response.status_code, headers=headers)


async def _send(body: dict[str, Any]) -> httpx.Response:
    client, content = _client(), json.dumps(body, ensure_ascii=False).encode(errors="replace")  # lone surrogates
    request = client.build_request(
        "POST", f"{settings.LABELHUB_CHAT_URL}/chat/completions", content=content, headers=JSON
    )
    try:
        return await client.send(request, stream=True)
    except httpx.HTTPError as failure:
        reason = type(failure).__name__
        raise Unavailable(f"The inference server does not answer ({reason}). Try again in a moment.") from failure


def _client() -> httpx.AsyncClient:
    """One for each event loop: its connections belong to that."""
    loop = get_running_loop()
    if loop not in _clients:
        _clients[loop] = httpx.AsyncClient(timeout=TIMEOUT, trust_env=False)
    return _clients[loop]


async def _relayed(response: httpx.Response) -> AsyncIterator[bytes]:
    """Piece by piece as it comes; the server stops generating when the reader has gone."""
    try:
        async for piece in response.aiter_raw():
            yield piece
    except httpx.HTTPError:
        refusal = {"message": "The inference server broke off.", "type": "server_error", "code": "unavailable"}
        yield f"data: {json.dumps({'error': refusal})}\n\n".encode()
    finally:
        await response.aclose()


def error(refusal: Refused) -> JsonResponse:
    """As OpenAI's clients read it."""
    kind = "invalid_request_error" if refusal.status < 500 else "server_error"
    code = "model_not_found" if refusal.status == 404 else refusal.code
    body = {"error": {"message": refusal.detail, "type": kind, "param": None, "code": code}}
    headers = {"Retry-After": str(refusal.retry_after)} if refusal.retry_after else {}
    return JsonResponse(body, status=refusal.status, headers=headers)
