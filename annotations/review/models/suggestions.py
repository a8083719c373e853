"""Pre-labels: what is suggested to who judges, and what became of it."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from annotations.review.models.decided import Approval
from annotations.review.models.labels import Label
from annotations.review.models.queues import Queue
from annotations.review.models.work import ReviewTask
from labelhub.projects.models import Category


class Suggestion(models.Model):
    """What decided cases like it make likely: a category, or (empty) that nothing is wrong. Made once for a task."""

    class Source(models.TextChoices):
        NEAREST = "nearest", "decided cases like it"

    task = models.ForeignKey(ReviewTask, models.CASCADE, related_name="suggestions")
    category = models.ForeignKey(Category, models.PROTECT, null=True, related_name="+")
    source = models.CharField(max_length=7, choices=Source, default=Source.NEAREST)
    confidence = models.FloatField(help_text="0 to 1: the share of their votes, see prelabels.py.")
    cases = models.PositiveSmallIntegerField(help_text="How many decided cases had a vote.")
    made_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["task", "category"], nulls_distinct=False, name="suggestion_is_one_per_task_and_category"
            ),
            models.CheckConstraint(condition=Q(confidence__range=(0, 1)), name="confidence_is_a_share"),
        ]

    def __str__(self) -> str:
        return f"{self.category or 'Nothing wrong'} of task {self.task_id}"

    def is_in(self, label: Label) -> bool:
        """Whether `label` says so too. A category keeps its slug from version to version."""
        if self.category is None:
            return label.verdict == Label.Verdict.GOOD
        return self.category.slug in {item.category.slug for item in label.categories.all()}


class SuggestionOutcomeQuerySet(models.QuerySet["SuggestionOutcome"]):
    def standing(self, queue: Queue) -> Self:
        """Of labels of `queue` that still count."""
        return self.filter(suggestion__task__queue=queue, label__in=Label.objects.standing())

    def with_gold(self) -> Self:
        """`approved`: whether a second person accepted the label as truth."""
        return self.annotate(approved=Exists(Approval.objects.filter(label=OuterRef("label"))))


class SuggestionOutcome(models.Model):
    """Whether who judged took a suggestion or overruled it."""

    suggestion = models.ForeignKey(Suggestion, models.CASCADE, related_name="outcomes")
    label = models.ForeignKey(Label, models.CASCADE, related_name="suggestion_outcomes")
    taken = models.BooleanField()

    objects: ClassVar[SuggestionOutcomeQuerySet] = SuggestionOutcomeQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["suggestion", "label"], name="outcome_is_one_per_suggestion_and_label")
        ]

    def __str__(self) -> str:
        return f"{self.suggestion_id} {'taken' if self.taken else 'overruled'} by label {self.label_id}"
