"""How errors look over the API: every one is application/problem+json (RFC 9457)."""

from typing import Any

from django.http import Http404
from rest_framework import exceptions as drf
from rest_framework.response import Response
from rest_framework.views import exception_handler

from labelhub.errors import NotFound, Refused, problem_body


def problem(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: every error of the API is application/problem+json (RFC 9457)."""
    if isinstance(error, Http404):
        error = NotFound()  # the same words for unknown and foreign ids, and for addresses that there are none of
    if isinstance(error, Refused):
        response = Response(problem_body(error.status, error.code, error.detail, **error.extra), status=error.status)
        if error.retry_after:
            response["Retry-After"] = str(error.retry_after)
    else:
        plain = exception_handler(error, context)
        if plain is None:
            return None
        status, detail = plain.status_code, _words(error)
        body = problem_body(status, getattr(error, "default_code", "error"), detail)
        response = Response(body, status=status, headers=dict(plain.headers))
    response.content_type = "application/problem+json"
    return response


def _words(error: Exception) -> str:
    if isinstance(error, drf.APIException):
        return str(error.detail) if isinstance(error.detail, str) else "The request is not valid."
    return NotFound().detail  # Http404: the same words for unknown and foreign ids
