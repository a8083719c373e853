"""A key in an address ends up in histories and logs on the way: it is refused, and its admins are told."""

import logging
from collections.abc import Callable

from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse, JsonResponse

from labelhub.errors import problem_body
from labelhub.keys.actions import find_key
from labelhub.keys.models import ApiKey

Respond = Callable[[HttpRequest], HttpResponse]
logger = logging.getLogger(__name__)
WORDS = "Send the key in the header `Authorization: Bearer lh_…`, never in the address. Replace this key: it was seen."


def refuse_keys_in_addresses(get_response: Respond) -> Respond:
    """Every route answers 400 to a key in its query; a key that is in use is marked as exposed."""

    def respond(request: HttpRequest) -> HttpResponse:
        found = keys_in(request)
        if not found:
            return get_response(request)
        for text in found[:3]:
            mark_exposed(text)
        return JsonResponse(problem_body(400, "malformed", WORDS), status=400, content_type="application/problem+json")

    return respond


def keys_in(request: HttpRequest) -> list[str]:
    """What looks like a key among the names and values of the query."""
    words = [word for name, values in request.GET.lists() for word in (name, *values)]
    return [word for word in words if word.startswith("lh_")]


def mark_exposed(text: str) -> None:
    """Remember when the key of `text` was first seen in an address. Only the right secret marks: nobody else's can."""
    key = find_key(text)
    if key is not None and ApiKey.objects.filter(pk=key.pk, exposed_at=None).update(exposed_at=Now()):
        logger.warning("The key %s of project %s was sent in an address: replace it.", key, key.project_id)
