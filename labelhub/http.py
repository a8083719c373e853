"""What every response goes through, and what views share: typed requests, fragments, refusals as pages."""

import secrets
import sys
import zoneinfo
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec
from urllib.parse import urlencode, urlsplit

from django.contrib.auth.decorators import login_required
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails
from psycopg_pool import PoolTimeout

from labelhub.errors import Refused, problem_body
from labelhub.logs import request_id
from labelhub.people.models import User
from labelhub.projects.models import Membership, Project

Respond = Callable[[HttpRequest], HttpResponse]
P = ParamSpec("P")


class HtmxHttpRequest(HttpRequest):
    htmx: HtmxDetails
    user: User


def is_fragment(request: HtmxHttpRequest) -> bool:
    """True when htmx asks for a piece of the page, not for the page."""
    return bool(request.htmx) and not request.htmx.boosted


def request_ids(get_response: Respond) -> Respond:
    """Every response names its request as the log does; the name is ours, whatever the client sends."""

    def respond(request: HttpRequest) -> HttpResponse:
        name = secrets.token_hex(8)
        request.request_id = name  # type: ignore[attr-defined]  # for what Django logs after the last middleware
        mark = request_id.set(name)
        try:
            response = get_response(request)
        finally:
            request_id.reset(mark)
        response.headers["X-Request-ID"] = name
        return response

    return respond


def private_pages(get_response: Respond) -> Respond:
    """Pages hold people's words: no shared cache keeps them, and fragments never stand in for pages."""

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if not request.path.startswith("/static/"):
            response.headers.setdefault("Cache-Control", "no-store")
            patch_vary_headers(response, ["HX-Request"])
        return response

    return respond


def database_down(get_response: Respond) -> Respond:
    """A database that does not answer is 503 with Retry-After, never a 500 and never a long wait."""

    def respond(request: HttpRequest) -> HttpResponse:
        return get_response(request)

    def process_exception(request: HttpRequest, error: Exception) -> HttpResponse | None:
        return unavailable(request) if isinstance(error, OperationalError | PoolTimeout) else None

    respond.process_exception = process_exception  # type: ignore[attr-defined]
    return respond


def server_error(request: HttpRequest) -> HttpResponse:
    """What broke outside a view: a database that is away is still 503; all else is a short page without a trace."""
    error = sys.exc_info()[1]
    if isinstance(error, OperationalError | PoolTimeout):
        return unavailable(request)
    if wants_json(request):
        known = request_id.get()
        body = problem_body(500, "broken", "Something broke on our side. It is in the log.", request_id=known)
        return JsonResponse(body, status=500, content_type="application/problem+json")
    return HttpResponse(render_to_string("500.html", {"request_id": request_id.get()}), status=500)


def unavailable(request: HttpRequest) -> HttpResponse:
    detail = "The database does not answer right now. Nothing was lost: try again in a moment."
    headers = {"Retry-After": "2"}
    if wants_json(request):
        body = problem_body(503, "unavailable", detail)
        return JsonResponse(body, status=503, headers=headers, content_type="application/problem+json")
    return HttpResponse(detail, status=503, headers=headers, content_type="text/plain")


def wants_json(request: HttpRequest) -> bool:
    return request.path.startswith(("/api/", "/v1/", "/health/"))


def htmx_sign_in(get_response: Respond) -> Respond:
    """A session that ended while a fragment was asked for: the whole page goes to the sign-in, not a panel of it."""

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if getattr(request, "htmx", False) and response.status_code == 302:
            target = urlsplit(response.headers["Location"])
            if target.path == "/accounts/login/":
                here = urlsplit(request.headers.get("HX-Current-URL", "/")).path or "/"
                local = here.startswith("/") and url_has_allowed_host_and_scheme(here, allowed_hosts=None)
                back = here if local else "/"
                return HttpResponseClientRedirect(f"/accounts/login/?{urlencode({'next': back})}", status=401)
        return response

    return respond


def person_time_zone(get_response: Respond) -> Respond:
    """Times on pages are in the person's own zone."""

    def respond(request: HttpRequest) -> HttpResponse:
        name = getattr(request.user, "time_zone", "") or "UTC"
        with timezone.override(zoneinfo.ZoneInfo(name)):
            return get_response(request)

    return respond


def domain_errors(get_response: Respond) -> Respond:
    """Refusals raised by actions become a page or a fragment that says why."""

    def respond(request: HttpRequest) -> HttpResponse:
        return get_response(request)

    def process_exception(request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, Refused):
            return None
        headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
        if wants_json(request):
            body = problem_body(error.status, error.code, error.detail, **error.extra)
            return JsonResponse(body, status=error.status, headers=headers, content_type="application/problem+json")
        template = "components/_refused.html" if getattr(request, "htmx", False) else "refused.html"
        response = render(request, template, {"refusal": error}, status=error.status)
        for name, value in headers.items():
            response.headers[name] = value
        return response

    respond.process_exception = process_exception  # type: ignore[attr-defined]
    return respond


def chrome(request: HttpRequest) -> dict[str, Any]:
    """What the top bar of every page needs: the person's projects with their role, lazily."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    return {"memberships": Membership.objects.of(user)}


def project_page(right: str) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Views under /p/<slug>/: sign-in, then the project looked up among the person's own, then the right.

    The view gets (request, project, …). Unknown, foreign and not-allowed are all 404.
    """

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @login_required
        @wraps(view)
        def guarded(request: HtmxHttpRequest, slug: str, **kwargs: Any) -> HttpResponse:
            project = Project.objects.where(request.user, right).by_slug(slug)
            return view(request, project, **kwargs)

        guarded.needs_right = right  # type: ignore[attr-defined]
        return guarded

    return decorate
