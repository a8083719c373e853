"""How a key arrives: `Authorization: Bearer lh_…`, never in the address. DRF imports this while it loads: no views."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from labelhub.keys.actions import find_key
from labelhub.keys.limits import spend
from labelhub.keys.models import ApiKey


class Service:
    """Stands where a person would when a service's key calls."""

    is_authenticated = is_active = True
    is_superuser = False
    pk = None

    def __init__(self, name: str) -> None:
        self.name = name


class KeyAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Any, ApiKey] | None:
        kind, _, text = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer":
            return None
        key = find_key(text.strip())
        if key is None or (key.person and not key.person.is_active):
            raise AuthenticationFailed("This key is unknown, expired or revoked.")
        spend(key)
        return key.person or Service(key.service), key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class KeyScheme(OpenApiAuthenticationExtension):
    target_class = KeyAuthentication
    name = "key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "lh_<prefix>_<secret>"}
