"""The readers of environment variables, and what must never serve. Each error says what to set."""

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


def read_number(name: str, default: int) -> int:
    """A whole number of at least 1; anything else raises ImproperlyConfigured."""
    value = os.environ.get(name, str(default)).strip()
    if not value.isdecimal() or int(value) < 1:
        raise ImproperlyConfigured(f"{name} must be a whole number of at least 1, not {value!r}.")
    return int(value)


def refuse_unsafe_start(*, secret: str, hosts: list[str], debug: bool, local: bool, database: str) -> None:
    """Raise ImproperlyConfigured, with the remedy, for a configuration that must never serve."""
    if len(secret) < 50 or len(set(secret)) < 10:
        raise ImproperlyConfigured("SECRET_KEY must be at least 50 random characters.")
    if secret.startswith("django-insecure-"):
        raise ImproperlyConfigured("SECRET_KEY must be your own: django-insecure-… marks one from a template.")
    if not hosts or any("*" in host or host.startswith(".") for host in hosts):
        raise ImproperlyConfigured("ALLOWED_HOSTS must name the hosts that this site answers to, without *.")
    if debug and not local:
        raise ImproperlyConfigured("DEBUG must be 0 where ALLOWED_HOSTS names more than this machine.")
    if "embedded=1" in database and not local:
        raise ImproperlyConfigured("Set DATABASE_URL to a Postgres of your own: the embedded one is for one machine.")
