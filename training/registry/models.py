"""What the gate said of a version, and which version is live."""

from typing import ClassVar, Self

from django.db import models
from django.db.models.functions import Now

from labelhub.people.models import User
from labelhub.projects.models import Project
from training.evaluation.models import Evaluation
from training.runs.models import ModelVersion
from training.scope import OfProjectQuerySet


class GateReport(models.Model):
    """The rules as they stood when an evaluation ended, each with its value and its limit."""

    project = models.ForeignKey(Project, models.CASCADE)
    evaluation = models.OneToOneField(Evaluation, models.CASCADE, related_name="gate_report")
    passed = models.BooleanField()
    rules = models.JSONField(help_text="[{rule, value, limit, passed}], in words.")
    at = models.DateTimeField(db_default=Now())

    objects: ClassVar[OfProjectQuerySet] = OfProjectQuerySet.as_manager()  # type: ignore[assignment]

    def __str__(self) -> str:
        return "passed" if self.passed else "refused"


class PromotionQuerySet(OfProjectQuerySet):
    def in_slot(self, slot: str) -> Self:
        return self.filter(slot=slot)

    def with_people(self) -> Self:
        return self.select_related("version__project", "by", "previous__version")


class Promotion(models.Model):
    """The act that makes a version the live one of a slot; the newest is live. A rollback is one more promotion."""

    class Slot(models.TextChoices):
        STAGING = "staging"
        PRODUCTION = "production"

    project = models.ForeignKey(Project, models.CASCADE)
    version = models.ForeignKey(
        ModelVersion, models.RESTRICT, null=True, related_name="promotions", help_text="Empty: base."
    )
    slot = models.CharField(max_length=10, choices=Slot)
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    at = models.DateTimeField(db_default=Now())
    note = models.CharField(max_length=300, blank=True)
    gate_report = models.ForeignKey(GateReport, models.RESTRICT, null=True, related_name="+")
    previous = models.ForeignKey("self", models.RESTRICT, null=True, related_name="+")
    undoes = models.ForeignKey(
        "self",
        models.RESTRICT,
        null=True,
        related_name="+",
        help_text="The promotion that a rollback takes back.",
    )

    objects: ClassVar[PromotionQuerySet] = PromotionQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["project", "slot", "previous"],
                nulls_distinct=False,
                name="promotion_follows_one_promotion",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["project", "slot", "-id"], name="promotion_live")]

    def __str__(self) -> str:
        return f"{self.version or 'Base'} in {self.slot}"
