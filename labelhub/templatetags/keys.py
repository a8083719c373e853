"""The keys of who looks at the page: {% keys "skip" %} for aria-keyshortcuts, {% key "skip" %} for the cap."""

from typing import Any

from django import template
from django.template import Context

from labelhub.people.key_map import caps_of

register = template.Library()


@register.simple_tag(takes_context=True)
def keys(context: Context, name: str) -> str:
    """All that act, with spaces between them."""
    return " ".join(_caps(context, name))


@register.simple_tag(takes_context=True)
def key(context: Context, name: str) -> str:
    """The one that is shown."""
    return next(iter(_caps(context, name)), "")


def _caps(context: Context, name: str) -> tuple[str, ...]:
    key_map: dict[str, Any] = getattr(context.get("user"), "key_map", None) or {}
    return caps_of(name, key_map)
