"""Making, reading and revoking API keys. The secret is shown once and never stored."""

import hashlib
import secrets

from django.db.models.functions import Now
from django.utils import timezone

from labelhub.errors import Invalid, ensure
from labelhub.keys.lookup import usable_key
from labelhub.keys.models import SERVICE_SCOPES, ApiKey, Scope
from labelhub.people.models import User
from labelhub.projects.actions import ensure_right
from labelhub.projects.models import Project
from labelhub.projects.rights import Right


def create_key(
    project: Project, *, by: User, scopes: list[Scope], person: User | None = None, service: str = ""
) -> tuple[ApiKey, str]:
    """A new key and its text `lh_<prefix>_<secret>`, which is not stored. Raises NotAllowed, Invalid."""
    ensure_right(by, project, Right.MANAGE)
    ensure(bool(person) != bool(service), Invalid("A key belongs to one person or to one named service."))
    too_much = set(scopes) - SERVICE_SCOPES
    ensure(person or not too_much, Invalid(f"A service may not hold: {', '.join(sorted(too_much))}."))
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        project=project, person=person, service=service, prefix=prefix, scopes=scopes, created_by=by,
        secret_sha256=_digest(secret),
    )  # fmt: skip
    return key, f"lh_{prefix}_{secret}"


def revoke_key(key: ApiKey, *, by: User) -> None:
    ensure_right(by, key.project, Right.MANAGE)
    ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=Now())


def find_key(text: str) -> ApiKey | None:
    """The usable key of `lh_<prefix>_<secret>`, compared in constant time; None if there is none."""
    parts = text.split("_", 2)
    if len(parts) != 3 or parts[0] != "lh":
        return None
    key = usable_key(parts[1])
    if key is None or not secrets.compare_digest(key.secret_sha256, _digest(parts[2])):
        return None
    if key.last_used_at is None or (timezone.now() - key.last_used_at).total_seconds() > 60:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=Now())
    return key


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
