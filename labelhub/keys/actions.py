"""Making, reading and revoking API keys. The secret is shown once and never stored."""

import secrets

from django.db.models.functions import Now
from django.utils import timezone

from labelhub.errors import Invalid, NotAllowed, ensure
from labelhub.keys.lookup import usable_key
from labelhub.keys.models import SERVICE_SCOPES, ApiKey, Scope, scopes_of
from labelhub.keys.text import digest, parts_of
from labelhub.people.models import User
from labelhub.projects.actions import ensure_right
from labelhub.projects.models import Membership, Project
from labelhub.projects.rights import Right


def create_key(project: Project, *, by: User, scopes: list[Scope], service: str = "") -> tuple[ApiKey, str]:
    """A new key of `service`, or of `by` where none is named, and its text, which is not stored.

    There is no way to make one for another person: whoever read its text could approve in their name.
    Raises NotAllowed, Invalid.
    """
    ensure(scopes, Invalid("A key without a scope opens nothing: choose at least one."))
    if service:
        ensure_right(by, project, Right.MANAGE)
        too_much = set(scopes) - SERVICE_SCOPES
        ensure(not too_much, Invalid(f"A service may not hold: {', '.join(sorted(too_much))}."))
    else:
        ensure_right(by, project, Right.SEE)
        too_much = set(scopes) - scopes_of(Membership.objects.get(project=project, user=by).role)
        ensure(not too_much, NotAllowed(f"Your role in {project} cannot use: {', '.join(sorted(too_much))}."))
    person = None if service else by
    return ApiKey.objects.issue(project=project, person=person, service=service, scopes=scopes, created_by=by)


def revoke_key(key: ApiKey, *, by: User) -> None:
    """For good. People may revoke their own keys, admins any of the project's."""
    if key.person_id != by.pk:
        ensure_right(by, key.project, Right.MANAGE)
    ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=Now())


def find_key(text: str) -> ApiKey | None:
    """The usable key of `lh_<prefix>_<secret>`, compared in constant time; None if there is none."""
    parts = parts_of(text)
    key = usable_key(parts[0]) if parts else None
    if parts is None or key is None or not secrets.compare_digest(key.secret_sha256, digest(parts[1])):
        return None
    if key.last_used_at is None or (timezone.now() - key.last_used_at).total_seconds() > 60:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=Now())
    return key
