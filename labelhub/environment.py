"""The three readers of environment variables. Each names the variable in its error: a bad deploy says what to fix."""

import os

from django.core.exceptions import ImproperlyConfigured

TRUE, FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off", ""}


def read_text(name: str, default: str | None = None) -> str:
    """The variable as text. Raises ImproperlyConfigured when it is missing and there is no default."""
    value = os.environ.get(name, default)
    if value is None:
        raise ImproperlyConfigured(f"Set the environment variable {name}.")
    return value


def read_bool(name: str, default: bool = False) -> bool:
    """1/true/yes/on or 0/false/no/off; anything else raises ImproperlyConfigured."""
    value = os.environ.get(name, str(default)).strip().lower()
    if value not in TRUE | FALSE:
        raise ImproperlyConfigured(f"{name} must be 1 or 0, not {value!r}.")
    return value in TRUE


def read_list(name: str, default: str = "") -> list[str]:
    """Comma-separated words without blanks."""
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]
