"""Time zones by name, as this machine's table has them."""

import zoneinfo

from django.core.exceptions import ValidationError

NAMES = frozenset(zoneinfo.available_timezones())
CHOICES = [(name, name) for name in sorted(NAMES)]


def ensure_zone(name: str) -> None:
    """Raises ValidationError for a name that no zone has."""
    if name not in NAMES:
        raise ValidationError(f"There is no time zone {name!r}.")


def zone_named(name: str) -> zoneinfo.ZoneInfo:
    """UTC for a name that no zone has: a slip in one row must not break every page of a person."""
    return zoneinfo.ZoneInfo(name if name in NAMES else "UTC")
