"""The colour of a category on a page: its place in the taxonomy picks one of six, each with an underline of its own."""

from django import template

register = template.Library()
HUES = 6


@register.filter
def hue(position: int) -> int:
    """1 to 6; the stylesheet says which colour and pattern that is."""
    return (position - 1) % HUES + 1
