"""What was judged: labels with their categories and comments, what was sent back, what a second person accepted."""

from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Now

from annotations.capture.models import Interaction
from annotations.review.models.work import ReviewTask
from labelhub.people.models import User
from labelhub.projects.models import Category, Guidelines, Project, Taxonomy
from labelhub.projects.rights import Right


class LabelQuerySet(models.QuerySet["Label"]):
    def visible_to(self, user: Any) -> Self:
        """One's own labels, and all those of projects where one approves."""
        return self.filter(
            Q(author=user.pk, project__in=Project.objects.where(user, Right.LABEL))
            | Q(project__in=Project.objects.where(user, Right.APPROVE))
        )

    def told_to_author(self, user: User) -> Self:
        """Labels of `user`, without those that would tell a calibration item apart."""
        return self.filter(author=user).exclude(task__calibration=True, task__queue__calibration_feedback=False)

    def waiting(self) -> Self:
        """Submitted, neither decided on nor taken back: somebody other than the author should look."""
        ends = (kind.objects.filter(label=OuterRef("pk")) for kind in (Approval, Return, Withdrawal))
        return self.filter(task__calibration=False).exclude(Q(*map(Exists, ends), _connector=Q.OR))

    def standing(self) -> Self:
        """What its author still stands by, and nobody sent back: of a label and its revision the revision."""
        revised = Label.objects.filter(revises=OuterRef("pk"), returned=None, withdrawal=None)
        return self.filter(returned=None, withdrawal=None).exclude(Exists(revised))

    def for_approval_by(self, user: User) -> Self:
        return self.waiting().exclude(author=user)

    def with_evidence(self) -> Self:
        """Everything that the approval page and the API show of a label, in a fixed number of queries."""
        rows = self.select_related("task__interaction__session", "task__candidate", "task__queue", "author", "taxonomy")
        return rows.prefetch_related("categories__category", "comments__category")

    def with_threads(self) -> Self:
        return self.prefetch_related("comments__replies__by", "comments__resolution__by")


class Label(models.Model):
    """One expert's judgement of one task. Never changed: an edit of an approved one is a new label that revises it."""

    class Verdict(models.TextChoices):
        GOOD = "good"
        FLAWED = "flawed"
        CANNOT_JUDGE = "cannot_judge"
        A = "a", "the answer given is better"
        B = "b", "the other answer is better"
        EQUAL = "equal", "both are alike"
        NEITHER = "neither", "neither is good"

    CHOICES: ClassVar = (Verdict.A, Verdict.B, Verdict.EQUAL, Verdict.NEITHER)  # of a pair

    class RootCause(models.TextChoices):
        MODEL = "model"
        PROMPT = "prompt"
        RETRIEVAL = "retrieval"
        TOOL = "tool"
        PRODUCT = "product"

    class Confidence(models.TextChoices):
        LOW = "low"
        MEDIUM = "medium"
        HIGH = "high"

    project = models.ForeignKey(Project, models.CASCADE)
    task = models.ForeignKey(ReviewTask, models.CASCADE, related_name="labels")
    author = models.ForeignKey(User, models.PROTECT, related_name="+")
    verdict = models.CharField(max_length=12, choices=Verdict)
    root_cause = models.CharField(max_length=9, choices=RootCause, blank=True)
    rewrite = models.TextField(blank=True)
    confidence = models.CharField(max_length=6, choices=Confidence, blank=True)
    note = models.TextField(blank=True)
    active_seconds = models.FloatField(default=0)
    swapped = models.BooleanField(null=True, help_text="Of a pair: the other answer was shown first.")
    taxonomy = models.ForeignKey(Taxonomy, models.PROTECT, related_name="+")
    guidelines = models.ForeignKey(Guidelines, models.PROTECT, related_name="+")
    revises = models.ForeignKey("self", models.CASCADE, null=True, related_name="revisions")
    created_at = models.DateTimeField(db_default=Now())

    objects: ClassVar[LabelQuerySet] = LabelQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(verdict="flawed") | Q(rewrite=""), name="label_rewrites_only_what_is_flawed"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["project", "-id"], name="label_newest")]

    def __str__(self) -> str:
        return f"Label {self.pk}"

    @property
    def is_choice(self) -> bool:
        """It judges a pair."""
        return self.verdict in self.CHOICES

    @property
    def gold(self) -> str:
        """The answer that this label holds for right, or for the better one; '' when it names none."""
        if self.verdict in {self.Verdict.GOOD, self.Verdict.A}:
            return self.task.interaction.output
        if self.verdict == self.Verdict.B and self.task.candidate:
            return self.task.candidate.text
        return self.rewrite


class LabelCategory(models.Model):
    label = models.ForeignKey(Label, models.CASCADE, related_name="categories")
    category = models.ForeignKey(Category, models.PROTECT, related_name="+")
    severity = models.PositiveSmallIntegerField(default=2, help_text="1 hardly matters, 2 misleads, 3 does harm.")

    class Meta:
        verbose_name_plural = "label categories"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["label", "category"], name="category_stands_once_in_a_label"),
            models.CheckConstraint(condition=Q(severity__range=(1, 3)), name="severity_is_one_to_three"),
        ]

    def __str__(self) -> str:
        return f"{self.category} {self.severity}"


class SpanComment(models.Model):
    """A comment on a stretch of the output; offsets are Unicode code points of the stored text, end exclusive."""

    label = models.ForeignKey(Label, models.CASCADE, related_name="comments")
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    exact = models.TextField()
    prefix = models.CharField(max_length=32, blank=True)
    suffix = models.CharField(max_length=32, blank=True)
    text = models.TextField(blank=True)
    category = models.ForeignKey(Category, models.PROTECT, null=True, related_name="+")
    replacement = models.TextField(null=True, help_text="What should stand there; empty text deletes the stretch.")  # noqa: DJ001

    class Meta:
        ordering: ClassVar = ["start", "end", "pk"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(start__lt=F("end")), name="span_starts_before_it_ends")
        ]

    def __str__(self) -> str:
        return f"{self.start}-{self.end}"


class Reply(models.Model):
    """Said in the thread of a comment."""

    comment = models.ForeignKey(SpanComment, models.CASCADE, related_name="replies")
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    text = models.TextField()
    at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "replies"
        ordering: ClassVar = ["pk"]

    def __str__(self) -> str:
        return f"Reply to comment {self.comment_id}"


class Resolution(models.Model):
    """Somebody holds the thread of a comment for settled; taken back, the row is gone."""

    comment = models.OneToOneField(SpanComment, models.CASCADE, related_name="resolution")
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"Comment {self.comment_id} resolved"


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
