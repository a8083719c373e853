"""Scores: numbers and classes about interactions, given by metrics whose definitions are versioned."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from annotations.capture.models.traffic import Interaction
from labelhub.people.models import User
from labelhub.projects.models import Project


class MetricQuerySet(models.QuerySet["Metric"]):
    def current(self) -> Self:
        """The newest version of each: what scores are given by now."""
        newer = Metric.objects.filter(
            project=OuterRef("project"), name=OuterRef("name"), version__gt=OuterRef("version")
        )
        return self.exclude(Exists(newer))


class Metric(models.Model):
    """One version of a definition. Never changed: a change is the next version, and scores stay pinned to theirs."""

    class Source(models.TextChoices):
        PERSON = "person"
        JUDGE = "judge", "judge model"
        HEURISTIC = "heuristic"
        SIGNAL = "signal"

    class Kind(models.TextChoices):
        NUMBER = "number"
        CLASS = "class"

    project = models.ForeignKey(Project, models.CASCADE)
    name = models.CharField(max_length=60)
    version = models.PositiveIntegerField(default=1)
    source = models.CharField(max_length=9, choices=Source)
    kind = models.CharField(max_length=6, choices=Kind, default=Kind.NUMBER)
    description = models.TextField(help_text="What it measures; of the judge model the rubric that it is given.")
    threshold = models.FloatField(null=True, help_text="A number below it counts as low.")
    share = models.FloatField(default=0, help_text="Of the judge model: the answers that it is asked about; 0 to 1.")
    by = models.ForeignKey(
        User, models.PROTECT, null=True, related_name="+", help_text="Nobody: it comes with LabelHub."
    )
    at = models.DateTimeField(db_default=Now())

    objects: ClassVar[MetricQuerySet] = MetricQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "name", "version"], name="metric_version_is_unique"),
            models.CheckConstraint(condition=Q(share__range=(0, 1)), name="metric_share_is_a_share"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class ScoreQuerySet(models.QuerySet["Score"]):
    def given(self) -> Self:
        return self.exclude(value=None, label="")

    def awaited(self) -> Self:
        """Drawn for the judge model, which was not asked yet."""
        return self.filter(value=None, label="", note="")

    def missed(self) -> Self:
        """The judge model was asked and gave no score; the note says why."""
        return self.filter(value=None, label="").exclude(note="")


class Score(models.Model):
    """A number or a class about one interaction. Its metric says what it means and where it comes from."""

    project = models.ForeignKey(Project, models.CASCADE)
    interaction = models.ForeignKey(Interaction, models.CASCADE, related_name="scores")
    metric = models.ForeignKey(Metric, models.CASCADE, related_name="scores")
    value = models.FloatField(null=True)
    label = models.CharField(max_length=80, blank=True, help_text="The class, where the metric is one.")
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", help_text="When a person gave it.")
    model = models.CharField(max_length=120, blank=True, help_text="The judge model that gave it.")
    note = models.CharField(max_length=1_000, blank=True, help_text="What it rests on, or why there is none.")
    at = models.DateTimeField(db_default=Now())

    objects: ClassVar[ScoreQuerySet] = ScoreQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["metric", "interaction", "by"], nulls_distinct=False, name="score_is_given_once"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["project"], name="score_missing", condition=Q(value=None, label=""))]

    def __str__(self) -> str:
        return f"{self.metric.name} {self.label if self.value is None else f'{self.value:.2f}'}".strip()

    @property
    def is_low(self) -> bool:
        threshold = self.metric.threshold
        return self.value is not None and threshold is not None and self.value < threshold
