"""Approved labels frozen as training rows; which prompts belong together; what was left out and why."""

from typing import ClassVar, Self

from django.db import models
from django.db.models.functions import Now

from annotations.capture.models import Interaction
from annotations.review.models import Approval, Label
from labelhub.people.models import User
from labelhub.projects.models import Project
from training.scope import OfProjectQuerySet


class PromptGroup(models.Model):
    """Prompts that ask the same thing in (nearly) the same words. Its split is set once and never moves."""

    class Split(models.TextChoices):
        TRAIN = "train"
        TEST = "test"

    project = models.ForeignKey(Project, models.CASCADE)
    key_sha256 = models.CharField(max_length=64, help_text="Of the first member's normalised prompt; gives the split.")
    split = models.CharField(max_length=5, choices=Split)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "key_sha256"], name="prompt_group_is_one_per_key")
        ]

    def __str__(self) -> str:
        return f"{self.split} group {self.pk}"


class GroupMember(models.Model):
    """One normalised prompt of a group."""

    project = models.ForeignKey(Project, models.CASCADE)
    group = models.ForeignKey(PromptGroup, models.CASCADE, related_name="members")
    prompt_sha256 = models.CharField(max_length=64, help_text="Of the normalised conversation.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "prompt_sha256"], name="prompt_is_in_one_group")
        ]

    def __str__(self) -> str:
        return self.prompt_sha256[:12]


class DatasetSnapshot(models.Model):
    """Rows in their order, with the hash of all of them. Never changed after it was made."""

    project = models.ForeignKey(Project, models.CASCADE)
    number = models.PositiveIntegerField()
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    content_sha256 = models.CharField(max_length=64, help_text="Of train.jsonl as it is handed to the trainer.")
    parameters = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now())

    objects: ClassVar[OfProjectQuerySet] = OfProjectQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "number"], name="snapshot_number_is_unique")
        ]

    def __str__(self) -> str:
        return f"Snapshot {self.number}"


class SnapshotRowQuerySet(models.QuerySet["SnapshotRow"]):
    def corrections(self) -> Self:
        return self.filter(kind__in=[SnapshotRow.Kind.CORRECTION, SnapshotRow.Kind.REPLAY])

    def with_lineage(self) -> Self:
        return self.select_related("approval__label__author", "approval__by", "interaction__session")


class SnapshotRow(models.Model):
    """One training example. `row_sha256` covers everything that is taught, `label_sha256` the judgement behind it."""

    class Kind(models.TextChoices):
        CORRECTION = "correction"
        GOOD = "good"
        REPLAY = "replay"
        REHEARSAL = "rehearsal"

    snapshot = models.ForeignKey(DatasetSnapshot, models.CASCADE, related_name="rows")
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=Kind)
    messages = models.JSONField()
    completion = models.TextField()
    row_sha256 = models.CharField(max_length=64)
    label_sha256 = models.CharField(max_length=64, blank=True, help_text="Empty for rehearsal: no label stands behind.")
    prompt_sha256 = models.CharField(max_length=64, db_index=True, help_text="Of the normalised conversation.")
    approval = models.ForeignKey(Approval, models.RESTRICT, null=True, related_name="+")
    interaction = models.ForeignKey(Interaction, models.RESTRICT, null=True, related_name="+")
    source = models.CharField(max_length=120, help_text="Who it comes from: label:<id> or version:<name>.")

    objects: ClassVar[SnapshotRowQuerySet] = SnapshotRowQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["snapshot", "position"], name="snapshot_position_is_unique"),
            models.CheckConstraint(
                condition=models.Q(kind="rehearsal", approval=None) | models.Q(approval__isnull=False),
                name="only_rehearsal_rows_have_no_approval",
            ),
            models.CheckConstraint(condition=~models.Q(completion=""), name="snapshot_rows_teach_something"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.position}"


class LeftOut(models.Model):
    """What could have become a row and did not, with the reason."""

    class Reason(models.TextChoices):
        NOT_APPROVED = "not_approved", "submitted, not approved yet"
        SENT_BACK = "sent_back", "sent back to its author"
        SUPERSEDED = "superseded", "a newer approval replaces it"
        TEST_SPLIT = "test_split", "kept out to test with (test split)"
        DUPLICATE = "duplicate", "the same question and answer are there already"
        CONTRADICTED = "contradicted", "a newer approval answers the same question otherwise"
        TOO_LONG = "too_long", "longer than the recipe's length limit"
        NO_TEXT = "no_text", "flawed, but nobody wrote it right"
        HELD_OUT = "held_out", "nearly the same question as a held-out case"
        NOT_DRAWN = "not_drawn", "over the number of good answers asked for"
        OVER_CAP = "over_cap", "over the share that one source may have"

    snapshot = models.ForeignKey(DatasetSnapshot, models.CASCADE, related_name="left_out")
    label = models.ForeignKey(Label, models.RESTRICT, null=True, related_name="+")
    approval = models.ForeignKey(Approval, models.RESTRICT, null=True, related_name="+")
    interaction = models.ForeignKey(Interaction, models.RESTRICT, null=True, related_name="+")
    reason = models.CharField(max_length=12, choices=Reason)
    detail = models.CharField(max_length=300, blank=True)

    class Meta:
        verbose_name_plural = "left out"
        indexes: ClassVar = [models.Index(fields=["snapshot", "reason"], name="left_out_by_reason")]

    def __str__(self) -> str:
        return self.get_reason_display()
