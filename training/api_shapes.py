"""What the endpoints of training share: shapes for the documentation, rows by their number, pages of them."""

from typing import Any

from django.db import models
from rest_framework.request import Request

from labelhub.errors import NotFound
from labelhub.keys.authentication import Caller

PAGE = 100
ANYTHING = {"type": "object", "additionalProperties": True}
ITEMS = {"type": "object", "properties": {"items": {"type": "array", "items": ANYTHING}}}


def numbered(rows: Any, caller: Caller, number: object) -> Any:
    """The project's row of that number. Raises NotFound."""
    whole = isinstance(number, int) and not isinstance(number, bool) and 0 < number < 2**31
    row = rows.filter(project=caller.project, number=number).first() if whole else None
    if row is None:
        raise NotFound
    return row


def page(request: Request, caller: Caller, rows: "models.QuerySet[Any]") -> list[Any]:
    """The project's newest rows; `?before=<number>` for those before."""
    rows = rows.filter(project=caller.project)
    mark = request.query_params.get("before", "")
    if mark.isascii() and mark.isdigit() and len(mark) < 10:
        rows = rows.filter(number__lt=int(mark))
    return list(rows.order_by("-number")[:PAGE])
