"""Who may do what: one table, asked by pages, API, admin and commands alike."""

from django.db import models


class Role(models.TextChoices):
    EXPERT = "expert"
    MODERATOR = "moderator"
    ADMIN = "admin"


class Right(models.TextChoices):
    SEE = "see", "see that the project exists"
    LABEL = "label", "claim, label, comment"
    READ = "read", "read sessions, interactions, feedback"
    INGEST = "ingest", "send interactions and feedback"
    INJECT = "inject", "ask for context"
    TRIAGE = "triage", "decide on flags"
    APPROVE = "approve", "approve others' labels"
    CURATE = "curate", "queues, taxonomy, suites, exports"
    TRAIN = "train", "snapshots, runs, evaluations"
    PROMOTE = "promote", "promote and roll back"
    MANAGE = "manage", "people, keys, settings"


_EXPERT = {Right.SEE, Right.LABEL}
_MODERATOR = _EXPERT | {Right.READ, Right.INGEST, Right.INJECT, Right.TRIAGE, Right.APPROVE, Right.CURATE}
_ADMIN = _MODERATOR | {Right.TRAIN, Right.PROMOTE, Right.MANAGE}
RIGHTS: dict[str, set[Right]] = {Role.EXPERT: _EXPERT, Role.MODERATOR: _MODERATOR, Role.ADMIN: _ADMIN}


def roles_with(right: str) -> list[str]:
    return [role for role, rights in RIGHTS.items() if right in rights]
