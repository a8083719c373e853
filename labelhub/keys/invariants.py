"""What must hold of API keys."""

from django.db.models import F, Q

from labelhub.invariants import Invariant, differs, no_sha256
from labelhub.keys.models import SERVICE_SCOPES, ApiKey, Scope

INVARIANTS = [
    Invariant(
        "of a key's secret only the hash is kept",
        of=ApiKey.objects.all(),
        broken=no_sha256("secret_sha256"),
        says="API key {row.pk}, {row.prefix}, holds something else than a sha256: revoke it and make a new one.",
    ),
    Invariant(
        "a key belongs to one person or to one named service",
        of=ApiKey.objects.all(),
        broken=Q(person=None, service="") | Q(person__isnull=False) & ~Q(service=""),
        says="API key {row.pk}, {row.prefix}, does not belong to exactly one person or service: revoke it.",
    ),
    Invariant(
        "a key that acts as a person was made by that person",
        of=ApiKey.objects.filter(revoked_at=None).exclude(person=None),
        broken=Q(created_by=None) | differs("created_by", F("person")),
        says="API key {row.pk}, {row.prefix}, acts as person {row.person_id} and was made by person "
        "{row.created_by_id}, who read its text: revoke it.",
    ),
    Invariant(
        "a service's key may ingest, send feedback, read and inject, nothing else",
        of=ApiKey.objects.filter(person=None),
        broken=~Q(scopes__contained_by=sorted(SERVICE_SCOPES)) & Q(scopes__contained_by=Scope.values),
        says="API key {row.pk}, {row.prefix}, is a service's and holds {row.scopes}: revoke it.",
    ),
    Invariant(
        "a key holds scopes that exist",
        of=ApiKey.objects.all(),
        broken=~Q(scopes__contained_by=Scope.values),
        says="API key {row.pk}, {row.prefix}, holds {row.scopes}, some of which nobody knows: revoke it.",
    ),
]
