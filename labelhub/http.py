"""What every response goes through, and what views share: typed requests, fragments, refusals as pages."""

import secrets
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec
from urllib.parse import urlencode, urlsplit

from django.contrib.auth.decorators import login_required
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.functional import SimpleLazyObject
from django.utils.http import url_has_allowed_host_and_scheme
from django.views import defaults
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails
from psycopg_pool import PoolTimeout

from labelhub import jobs
from labelhub.errors import Malformed, NotAllowed, NotFound, Refused, Unavailable, problem_body
from labelhub.logs import request_id
from labelhub.notices.models import Notice
from labelhub.people.models import User
from labelhub.people.zones import zone_named
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


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """No such address: over the API in the very words that a foreign row is refused with."""
    return as_problem(NotFound()) if wants_json(request) else defaults.page_not_found(request, exception)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Refused by Django itself, such as an unknown host; its words may repeat what was sent, ours do not."""
    words = "The request cannot be read: see that it names a host of this site and is well-formed."
    return as_problem(Malformed(words)) if wants_json(request) else defaults.bad_request(request, exception)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    refusal = NotAllowed("Your role does not include this.")
    return as_problem(refusal) if wants_json(request) else defaults.permission_denied(request, exception)


def as_problem(refusal: Refused) -> JsonResponse:
    """The refusal as the API tells it."""
    body = problem_body(refusal.status, refusal.code, refusal.detail, **refusal.extra)
    headers = waiting_time(refusal)
    return JsonResponse(body, status=refusal.status, headers=headers, content_type="application/problem+json")


def waiting_time(refusal: Refused) -> dict[str, str]:
    return {"Retry-After": str(refusal.retry_after)} if refusal.retry_after else {}


def unavailable(request: HttpRequest) -> HttpResponse:
    refusal = Unavailable("The database does not answer right now. Nothing was lost: try again in a moment.")
    if wants_json(request):
        return as_problem(refusal)
    headers = waiting_time(refusal)
    return HttpResponse(refusal.detail, status=refusal.status, headers=headers, content_type="text/plain")


def wants_json(request: HttpRequest) -> bool:
    return request.path.startswith(("/api/", "/v1/", "/health/"))


def htmx_sign_in(get_response: Respond) -> Respond:
    """A session that ended while a fragment was asked for: the whole page goes to the sign-in, not a panel of it."""

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if getattr(request, "htmx", False) and response.status_code == 302:
            target = urlsplit(response.headers["Location"])
            if target.path == "/accounts/login/":
                back = path_here(request.headers.get("HX-Current-URL", "/"))
                return HttpResponseClientRedirect(f"/accounts/login/?{urlencode({'next': back})}", status=401)
        return response

    return respond


def path_here(address: str) -> str:
    """The path of an address of this site; / for what leads elsewhere or is no address."""
    try:
        path = urlsplit(address).path
    except ValueError:
        return "/"
    local = path.startswith("/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None)
    return path if local else "/"


def person_time_zone(get_response: Respond) -> Respond:
    """Times on pages are in the person's own zone."""

    def respond(request: HttpRequest) -> HttpResponse:
        with timezone.override(zone_named(getattr(request.user, "time_zone", "UTC"))):
            return get_response(request)

    return respond


def domain_errors(get_response: Respond) -> Respond:
    """Refusals raised by actions become a page or a fragment that says why."""

    def respond(request: HttpRequest) -> HttpResponse:
        return get_response(request)

    def process_exception(request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, Refused):
            return None
        if wants_json(request):
            return as_problem(error)
        template = "components/_refused.html" if getattr(request, "htmx", False) else "refused.html"
        response = render(request, template, {"refusal": error}, status=error.status)
        for name, value in waiting_time(error).items():
            response.headers[name] = value
        return response

    respond.process_exception = process_exception  # type: ignore[attr-defined]
    return respond


def chrome(request: HttpRequest) -> dict[str, Any]:
    """What the top of every page needs, lazily: projects with one's role, what is unread, clusters that are down."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    return {
        "memberships": Membership.objects.of(user),
        "silent_clusters": jobs.silent_clusters,
        "unread_notices": SimpleLazyObject(Notice.objects.of(user).unread().count),
    }


def project_page(right: str) -> Callable[[Callable[..., HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """Views under /p/<slug>/: sign-in, then the project looked up among the person's own, then the right.

    The view gets (request, project, …). Unknown, foreign and not-allowed are all 404.
    """

    def decorate(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @login_required
        @wraps(view)
        def guarded(request: HtmxHttpRequest, slug: str, **kwargs: Any) -> HttpResponseBase:
            project = Project.objects.where(request.user, right).by_slug(slug)
            return view(request, project, **kwargs)

        guarded.needs_right = right  # type: ignore[attr-defined]
        return guarded

    return decorate
