"""What became of labels: sent back, taken back, settled between people, accepted as truth."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from annotations.capture.models import Interaction
from annotations.review.models.labels import Label
from annotations.review.models.work import ReviewTask
from labelhub.people.models import User
from labelhub.projects.models import Project


class Return(models.Model):
    """A label sent back to its author, with the reason."""

    label = models.OneToOneField(Label, models.CASCADE, related_name="returned")
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    reason = models.TextField()
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"Label {self.label_id} sent back"


class Withdrawal(models.Model):
    """A label that its author took back before anybody decided on it: it counts for nothing."""

    label = models.OneToOneField(Label, models.CASCADE, related_name="withdrawal")
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"Label {self.label_id} taken back"


class CalibrationResult(models.Model):
    """How near a label of a calibration item comes to the gold answer; nobody else decides on it."""

    label = models.OneToOneField(Label, models.CASCADE, related_name="calibration")
    gold = models.ForeignKey("annotations.Approval", models.CASCADE, related_name="+")
    agreement = models.FloatField(help_text="0 to 1: 1 - the distance of the two judgements, see ranking.py.")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(agreement__range=(0, 1)), name="agreement_is_a_share")
        ]

    def __str__(self) -> str:
        return f"Label {self.label_id} against approval {self.gold_id}"

    @property
    def both(self) -> tuple[Label, Label]:
        """What was said, and the gold answer."""
        return self.label, self.gold.label


class Adjudication(models.Model):
    """A moderator settles what people said of one task: with a label of theirs, or with one of the moderator's own.

    The moderator's own is approved by yet another person. A trigger refuses whoever is a party to it.
    """

    task = models.ForeignKey(ReviewTask, models.CASCADE, related_name="adjudications")
    label = models.OneToOneField(Label, models.CASCADE, related_name="adjudication")
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    reason = models.TextField()
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"Label {self.label_id} settles task {self.task_id}"


class Overruling(models.Model):
    """A label that an adjudication decided against; it stays what its author said."""

    label = models.OneToOneField(Label, models.CASCADE, related_name="overruling")
    adjudication = models.ForeignKey(Adjudication, models.CASCADE, related_name="overruled")

    def __str__(self) -> str:
        return f"Label {self.label_id} overruled"


class Ground(models.TextChoices):
    """On what ground somebody approves, for whoever has to account for it."""

    CHECKED = "checked", "checked against a source"
    GUIDELINES = "guidelines", "as the guidelines say"
    PERMITTED = "permitted", "nothing in it may not be said"
    KNOWN = "known", "known from one's own work"


class FirstApproval(models.Model):
    """The first of two acceptances: it makes no truth. Triggers refuse the author, and the same person twice."""

    label = models.OneToOneField(Label, models.CASCADE, related_name="first_approval")
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    ground = models.CharField(max_length=10, choices=Ground)
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"First approval of label {self.label_id}"


class ApprovalQuerySet(models.QuerySet["Approval"]):
    def current(self) -> Self:
        """The latest Approval of each interaction: its gold answer. Which of a pair is better makes none."""
        newer = Approval.objects.filter(interaction=OuterRef("interaction"), pk__gt=OuterRef("pk"), of_pair=False)
        return self.filter(of_pair=False).exclude(Exists(newer))

    def preferences(self) -> Self:
        """Those that name the better one of a pair."""
        return self.filter(of_pair=True, label__verdict__in=[Label.Verdict.A, Label.Verdict.B])

    def corrections(self) -> Self:
        return self.filter(label__verdict=Label.Verdict.FLAWED).exclude(label__rewrite="")

    def with_lineage(self) -> Self:
        return self.select_related("label__author", "label__task", "by", "interaction__session")


class Approval(models.Model):
    """A second person's acceptance of a label as truth. A trigger refuses the author, whoever asks."""

    project = models.ForeignKey(Project, models.CASCADE)
    label = models.OneToOneField(Label, models.CASCADE, related_name="approval")
    interaction = models.ForeignKey(Interaction, models.CASCADE, related_name="+")
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    ground = models.CharField(max_length=10, choices=Ground, blank=True)
    note = models.TextField(blank=True)
    of_pair = models.BooleanField(
        db_default=False, help_text="It says which of two answers is better, not what is right."
    )
    at = models.DateTimeField(db_default=Now())

    objects: ClassVar[ApprovalQuerySet] = ApprovalQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        indexes: ClassVar = [models.Index(fields=["interaction", "-id"], name="approval_latest")]

    def __str__(self) -> str:
        return f"Approval of label {self.label_id}"
