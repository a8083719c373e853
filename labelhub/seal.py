"""What every answer carries, whoever gives it, and which methods are answered at all."""

from collections.abc import Callable

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse

from labelhub.errors import problem_body

Respond = Callable[[HttpRequest], HttpResponse]
PAGE_METHODS = ("GET", "HEAD", "POST")
API_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def sealed(get_response: Respond) -> Respond:
    """Django's SecurityMiddleware sets these too, but not on what it refuses itself, such as an unknown host."""

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", settings.SECURE_REFERRER_POLICY)
        response.headers.setdefault("Cross-Origin-Opener-Policy", settings.SECURE_CROSS_ORIGIN_OPENER_POLICY)
        return response

    return respond


def known_methods(get_response: Respond) -> Respond:
    """Pages are read and posted to, the API knows some verbs more; TRACE and inventions are 405 before any look-up."""

    def respond(request: HttpRequest) -> HttpResponse:
        api = request.path.startswith(("/api/", "/v1/"))
        methods = API_METHODS if api else PAGE_METHODS
        if request.method in methods:
            return get_response(request)
        if not api:
            return HttpResponseNotAllowed(methods)
        body = problem_body(405, "method_not_allowed", f"The method {request.method} is not answered here.")
        headers = {"Allow": ", ".join(methods)}
        return JsonResponse(body, status=405, headers=headers, content_type="application/problem+json")

    return respond


class Toasts(CookieStorage):
    """Messages travel in a signed cookie, never in a session: one of them shows a new key, which no table may hold."""

    cookie_name = settings.MESSAGE_COOKIE_NAME
