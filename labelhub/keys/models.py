"""API keys: a key is its project. Only the hash of the secret is kept."""

from typing import Any, ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from labelhub.keys.text import digest, new_parts, written
from labelhub.people.models import User
from labelhub.projects.models import Project
from labelhub.projects.rights import RIGHTS, Right


class Scope(models.TextChoices):
    INGEST = "ingest"
    FEEDBACK = "feedback"
    READ = "read"
    INJECT = "inject"
    LABEL = "label"
    APPROVE = "approve"
    TRAIN = "train"
    ADMIN = "admin"


SCOPE_RIGHTS: dict[str, set[Right]] = {
    Scope.INGEST: {Right.INGEST},
    Scope.FEEDBACK: set(),
    Scope.READ: {Right.SEE, Right.READ},
    Scope.INJECT: {Right.INJECT},
    Scope.LABEL: {Right.SEE, Right.LABEL},
    Scope.APPROVE: {Right.SEE, Right.READ, Right.TRIAGE, Right.APPROVE, Right.CURATE},
    Scope.TRAIN: {Right.SEE, Right.READ, Right.TRAIN, Right.PROMOTE, Right.CURATE},
    Scope.ADMIN: {Right.SEE, Right.MANAGE},
}
SERVICE_SCOPES = {Scope.INGEST, Scope.FEEDBACK, Scope.READ, Scope.INJECT}


def scopes_of(role: str) -> set[Scope]:
    """What the key of a person in this role can be good for. Feedback is sent by whoever may send interactions."""
    return {scope for scope in Scope if (SCOPE_RIGHTS[scope] or {Right.INGEST}) <= RIGHTS[role]}


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def usable(self) -> Self:
        """Neither revoked nor expired, by the database's clock."""
        return self.filter(revoked_at=None).filter(models.Q(expires_at=None) | models.Q(expires_at__gt=Now()))

    def of(self, user: User) -> Self:
        """Those that act as `user`."""
        return self.filter(person=user)

    def visible_to(self, user: Any) -> Self:
        return self.filter(project__in=Project.objects.where(user, Right.MANAGE))

    def issue(self, **fields: Any) -> tuple["ApiKey", str]:
        """A new row and the key's text, which only the caller ever knows. Who may: `labelhub.keys.actions`."""
        prefix, secret = new_parts()
        key = self.create(prefix=prefix, secret_sha256=digest(secret), **fields)
        return key, written(prefix, secret)


class ApiKey(models.Model):
    project = models.ForeignKey(Project, models.CASCADE)
    person = models.ForeignKey(User, models.CASCADE, null=True, blank=True, related_name="+")
    service = models.CharField(
        max_length=80, blank=True, help_text="Name of a service: it may ingest, send feedback, read, inject."
    )
    prefix = models.CharField(max_length=12, unique=True)
    secret_sha256 = models.CharField(max_length=64)
    scopes = ArrayField(models.CharField(max_length=10, choices=Scope))
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    exposed_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was first sent in an address: replace it."
    )

    objects: ClassVar[ApiKeyQuerySet] = ApiKeyQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = "API key"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(person=None) ^ models.Q(service=""), name="key_belongs_to_a_person_or_a_service"
            ),
            models.CheckConstraint(
                condition=models.Q(person=None)
                | models.Q(created_by__isnull=False, created_by=models.F("person"))
                | models.Q(revoked_at__isnull=False),
                name="key_of_a_person_is_made_by_that_person",
            ),
        ]

    def __str__(self) -> str:
        return f"lh_{self.prefix}_…"

    @property
    def rights(self) -> set[Right]:
        """What the scopes allow; a person's role now narrows it further."""
        return set().union(*(SCOPE_RIGHTS[scope] for scope in self.scopes))


class KeyUse(models.Model):
    """How many requests of a key were drawn in its latest minute (`labelhub.keys.limits`). A crash may forget it."""

    key = models.OneToOneField(ApiKey, models.CASCADE, primary_key=True, related_name="+")
    minute = models.DateTimeField()
    used = models.BigIntegerField(help_text="Requests drawn in this minute, refused ones included.")

    def __str__(self) -> str:
        return f"{self.used} at {self.minute:%H:%M}"
