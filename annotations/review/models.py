"""Judging outputs: queues of tasks, who holds them, what was typed, what was submitted, who accepted it as truth."""

from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Now

from annotations.capture.models import Interaction
from labelhub.people.models import User
from labelhub.projects.models import Category, Guidelines, Project, Taxonomy
from labelhub.projects.rights import Right


class QueueQuerySet(models.QuerySet["Queue"]):
    def visible_to(self, user: Any) -> Self:
        """Queues of the user's projects that are open to everybody there or assigned to them."""
        mine = self.filter(project__in=Project.objects.where(user, Right.LABEL))
        return mine.filter(Q(reviewers=None) | Q(reviewers=user.pk) | Q(project__in=self._moderated(user))).distinct()

    @staticmethod
    def _moderated(user: Any) -> models.QuerySet[Project]:
        return Project.objects.where(user, Right.TRIAGE)


class Queue(models.Model):
    """A named stream of review work."""

    project = models.ForeignKey(Project, models.CASCADE)
    slug = models.SlugField(max_length=60)
    name = models.CharField(max_length=120)
    instructions = models.TextField(blank=True)
    overlap = models.PositiveSmallIntegerField(default=1, help_text="How many experts judge each task.")
    lease_minutes = models.PositiveSmallIntegerField(default=15)
    reviewers = models.ManyToManyField(User, blank=True, related_name="+", help_text="Empty: every expert.")

    objects: ClassVar[QueueQuerySet] = QueueQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "slug"], name="queue_slug_is_unique_in_its_project"),
            models.CheckConstraint(condition=Q(overlap__gte=1), name="queue_overlap_is_at_least_one"),
        ]

    def __str__(self) -> str:
        return self.name


class ReviewTaskQuerySet(models.QuerySet["ReviewTask"]):
    def visible_to(self, user: Any) -> Self:
        return self.filter(queue__in=Queue.objects.visible_to(user))

    def open(self) -> Self:
        return self.filter(state=ReviewTask.State.OPEN)

    def in_order(self) -> Self:
        """The order in which a queue serves."""
        return self.order_by("-priority", "pk")


class ReviewTask(models.Model):
    """One interaction to judge in one queue. Priority and reason were copied when it was routed."""

    class State(models.TextChoices):
        OPEN = "open"
        SUBMITTED = "submitted"
        APPROVED = "approved"
        CLOSED = "closed"

    MOVES: ClassVar[dict[str, set[str]]] = {
        State.OPEN: {State.SUBMITTED, State.CLOSED},
        State.SUBMITTED: {State.APPROVED, State.OPEN, State.CLOSED},
        State.APPROVED: {State.OPEN},
        State.CLOSED: {State.OPEN},
    }

    project = models.ForeignKey(Project, models.CASCADE)
    queue = models.ForeignKey(Queue, models.CASCADE)
    interaction = models.ForeignKey(Interaction, models.CASCADE)
    state = models.CharField(max_length=9, choices=State, default=State.OPEN)
    priority = models.IntegerField(default=0)
    reason = models.CharField(max_length=300, blank=True)
    random_slice = models.BooleanField(default=False, help_text="Drawn at random: keeps the figures unbiased.")
    routed_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    objects: ClassVar[ReviewTaskQuerySet] = ReviewTaskQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["queue", "interaction"], name="task_is_one_per_interaction_in_a_queue")
        ]
        indexes: ClassVar = [
            models.Index("queue", F("priority").desc(), "id", name="task_next", condition=Q(state="open")),
            models.Index(fields=["interaction"], name="task_of_interaction"),
        ]

    def __str__(self) -> str:
        return f"Task {self.pk}"


class ClaimQuerySet(models.QuerySet["Claim"]):
    def live(self) -> Self:
        """Held now, by the database's clock."""
        return self.filter(state=Claim.State.HELD, leased_until__gt=Now())

    def seats_taken(self) -> Self:
        """Those that count against the overlap: held now, or done."""
        return self.filter(Q(state=Claim.State.DONE) | Q(state=Claim.State.HELD, leased_until__gt=Now()))


class Claim(models.Model):
    """A reviewer's lease on a task. The fence grows with every claim: a write with an old one is refused."""

    class State(models.TextChoices):
        HELD = "held"
        DONE = "done"
        RELEASED = "released"

    MOVES: ClassVar[dict[str, set[str]]] = {State.HELD: {State.DONE, State.RELEASED}, State.DONE: {State.RELEASED}}

    task = models.ForeignKey(ReviewTask, models.CASCADE)
    by = models.ForeignKey(User, models.CASCADE, related_name="+")
    state = models.CharField(max_length=8, choices=State, default=State.HELD)
    fence = models.PositiveIntegerField(default=1)
    claimed_at = models.DateTimeField(db_default=Now())
    leased_until = models.DateTimeField()
    skip_reason = models.CharField(max_length=300, blank=True)

    objects: ClassVar[ClaimQuerySet] = ClaimQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["task", "by"], name="claim_is_one_per_person_and_task")
        ]

    def __str__(self) -> str:
        return f"Claim of task {self.task_id}"


class Draft(models.Model):
    """What a reviewer has typed and not submitted."""

    task = models.ForeignKey(ReviewTask, models.CASCADE)
    by = models.ForeignKey(User, models.CASCADE, related_name="+")
    version = models.PositiveIntegerField(default=1)
    content = models.JSONField()
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["task", "by"], name="draft_is_one_per_person_and_task")
        ]

    def __str__(self) -> str:
        return f"Draft of task {self.task_id}"


class LabelQuerySet(models.QuerySet["Label"]):
    def visible_to(self, user: Any) -> Self:
        """One's own labels, and all those of projects where one approves."""
        return self.filter(
            Q(author=user.pk, project__in=Project.objects.where(user, Right.LABEL))
            | Q(project__in=Project.objects.where(user, Right.APPROVE))
        )

    def approved(self) -> Self:
        return self.filter(Exists(Approval.objects.filter(label=OuterRef("pk"))))

    def waiting(self) -> Self:
        """Submitted, neither approved nor sent back: somebody other than the author should look."""
        return self.exclude(Exists(Approval.objects.filter(label=OuterRef("pk")))).exclude(
            Exists(Return.objects.filter(label=OuterRef("pk")))
        )

    def for_approval_by(self, user: User) -> Self:
        return self.waiting().exclude(author=user)

    def with_evidence(self) -> Self:
        """Everything that the approval page and the API show of a label, in a fixed number of queries."""
        return self.select_related("task__interaction__session", "task__queue", "author", "taxonomy").prefetch_related(
            "categories__category", "comments__category"
        )


class Label(models.Model):
    """One expert's judgement of one task. Never changed: an edit is a new label."""

    class Verdict(models.TextChoices):
        GOOD = "good"
        FLAWED = "flawed"
        CANNOT_JUDGE = "cannot_judge"

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
    taxonomy = models.ForeignKey(Taxonomy, models.PROTECT, related_name="+")
    guidelines = models.ForeignKey(Guidelines, models.PROTECT, related_name="+")
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
    def gold(self) -> str:
        """The answer that this label holds for right, '' when it names none."""
        if self.verdict == self.Verdict.GOOD:
            return self.task.interaction.output
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


class Return(models.Model):
    """A label sent back to its author, with the reason."""

    label = models.OneToOneField(Label, models.CASCADE, related_name="returned")
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    reason = models.TextField()
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"Label {self.label_id} sent back"


class ApprovalQuerySet(models.QuerySet["Approval"]):
    def current(self) -> Self:
        """The latest Approval of each interaction: its gold answer."""
        newer = Approval.objects.filter(interaction=OuterRef("interaction"), pk__gt=OuterRef("pk"))
        return self.exclude(Exists(newer))

    def corrections(self) -> Self:
        return self.filter(label__verdict=Label.Verdict.FLAWED).exclude(label__rewrite="")

    def good_as_it_is(self) -> Self:
        return self.filter(label__verdict=Label.Verdict.GOOD)

    def with_lineage(self) -> Self:
        return self.select_related("label__author", "label__task", "by", "interaction__session")


class Approval(models.Model):
    """A second person's acceptance of a label as truth. A trigger refuses the author, whoever asks."""

    project = models.ForeignKey(Project, models.CASCADE)
    label = models.OneToOneField(Label, models.CASCADE, related_name="approval")
    interaction = models.ForeignKey(Interaction, models.CASCADE, related_name="+")
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    note = models.TextField(blank=True)
    at = models.DateTimeField(db_default=Now())

    objects: ClassVar[ApprovalQuerySet] = ApprovalQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        indexes: ClassVar = [models.Index(fields=["interaction", "-id"], name="approval_latest")]

    def __str__(self) -> str:
        return f"Approval of label {self.label_id}"
