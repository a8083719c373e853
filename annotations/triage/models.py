"""Signals become decisions. A flag's state is what decisions, tasks and labels say of it; it is never stored."""

from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from annotations.capture.models import CapturedQuerySet, Interaction, Session
from annotations.review.models import Queue, ReviewTask
from labelhub.people.models import User
from labelhub.projects.models import Project


class Rule(models.Model):
    """Raises flags. Rules never block ingest."""

    class Kind(models.TextChoices):
        THUMB_DOWN = "thumb_down", "the end user gave a thumb down"
        LOW_RATING = "low_rating", "the end user rated it low"
        ASKED_AGAIN = "asked_again", "the end user asked again or regenerated"
        ABANDONED = "abandoned", "the end user left"
        SUGGESTED = "suggested", "the end user wrote a better answer"
        NAMED_FAULT = "named_fault", "the end user named a fault"
        COPIED = "copied", "the end user copied or praised it"
        RATED_BEST = "rated_best", "the end user rated it best"
        THUMB_UP = "thumb_up", "the end user gave a thumb up"
        LOW_CONFIDENCE = "low_confidence", "the model was unsure"
        LOW_LOGPROB = "low_logprob", "the model found its own words unlikely"
        PERSONAL_DATA = "personal_data", "personal data in question or answer"
        INSTRUCTIONS = "instructions", "words that read like an order to the model"
        WORDS = "words", "a word of a list in question or answer"
        UNSUPPORTED = "unsupported", "a number that no retrieved document has"
        AUDIT = "audit", "drawn at random"
        REPHRASED = "rephrased", "the end user asked the same in other words"
        NEAR_PROBLEM = "near_problem", "near a question that was answered wrong before"
        FAR_FROM_GOLD = "far_from_gold", "far from the approved answer to the same question"
        NEW_LANGUAGE = "new_language", "a language that is new here"
        NEW_REGION = "new_region", "a question unlike those before"
        JUDGED_LOW = "judged", "the judge model rated it low"

    SENSITIVE: ClassVar = {Kind.PERSONAL_DATA, Kind.WORDS}  # what they find may need two approvals

    project = models.ForeignKey(Project, models.CASCADE)
    kind = models.CharField(max_length=20, choices=Kind)
    name = models.CharField(max_length=60, blank=True, help_text="Of a list of words: what they are about.")
    words = models.TextField(blank=True, help_text="Of a list of words: one a line.")
    threshold = models.FloatField(null=True, blank=True)
    severity = models.PositiveSmallIntegerField(default=2)
    share = models.FloatField(default=1, help_text="Of the answers that it sees, those that it may flag; 0 to 1.")
    active = models.BooleanField(default=True)
    version = models.PositiveIntegerField(default=1, help_text="Grows with every change.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["project", "kind"], condition=~Q(kind="words"), name="rule_is_one_per_kind"
            ),
            models.UniqueConstraint(fields=["project", "name"], condition=Q(kind="words"), name="rule_is_one_per_list"),
            models.CheckConstraint(
                condition=Q(severity__gte=1, severity__lte=3, share__gte=0, share__lte=1),
                name="rule_severity_and_share",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.get_kind_display()


class FlagQuerySet(CapturedQuerySet):
    def open(self) -> Self:
        """No decision has closed it yet; what was escalated waits for an admin's."""
        decided = Decision.flags.through.objects.filter(flag=OuterRef("pk"), decision__kind__in=Decision.CLOSING)
        return self.exclude(Exists(decided))

    def defects(self) -> Self:
        return self.filter(kind=Flag.Kind.DEFECT)


class Flag(models.Model):
    """A reason to look at a session, with its evidence in plain words."""

    class Kind(models.TextChoices):
        DEFECT = "defect"
        EXEMPLAR = "exemplar"

    project = models.ForeignKey(Project, models.CASCADE)
    session = models.ForeignKey(Session, models.CASCADE, related_name="flags")
    interaction = models.ForeignKey(Interaction, models.CASCADE, related_name="flags")
    kind = models.CharField(max_length=8, choices=Kind)
    rule = models.ForeignKey(Rule, models.SET_NULL, null=True, related_name="flags")
    raised_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", help_text="When a person did.")
    severity = models.PositiveSmallIntegerField(default=2)
    evidence = models.CharField(max_length=300)
    at = models.DateTimeField(db_default=Now())

    objects: ClassVar[FlagQuerySet] = FlagQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["rule", "interaction"], name="flag_is_raised_once_by_a_rule")
        ]
        indexes: ClassVar = [models.Index(fields=["project", "session"], name="flag_of_session")]

    def __str__(self) -> str:
        return self.evidence


class Take(models.Model):
    """A moderator who has taken a session: others leave it to them."""

    session = models.OneToOneField(Session, models.CASCADE)
    by = models.ForeignKey(User, models.CASCADE, related_name="+")
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"Session {self.session_id} taken by {self.by}"


class ProductIssue(models.Model):
    """Something that is not the model's fault: it collects the sessions in which it was met."""

    class State(models.TextChoices):
        OPEN = "open"
        CLOSED = "closed"

    MOVES: ClassVar[dict[str, set[str]]] = {State.OPEN: {State.CLOSED}, State.CLOSED: {State.OPEN}}

    project = models.ForeignKey(Project, models.CASCADE)
    title = models.CharField(max_length=200)
    state = models.CharField(max_length=6, choices=State, default=State.OPEN)
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["project", "title"], name="issue_title_is_unique")]

    def __str__(self) -> str:
        return self.title


class SavedView(models.Model):
    """A filter of the board under a name: a tab of its own for whoever saved it."""

    project = models.ForeignKey(Project, models.CASCADE)
    by = models.ForeignKey(User, models.CASCADE, related_name="+")
    name = models.CharField(max_length=40)
    rule = models.ForeignKey(Rule, models.CASCADE, null=True, related_name="+", help_text="Empty: any, and people.")
    severity = models.PositiveSmallIntegerField(default=1, help_text="At least: 1 hardly matters, 3 does harm.")
    words = models.CharField(max_length=100, blank=True, help_text="That stand in the question.")

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "by", "name"], name="view_name_is_unique_for_its_owner"),
            models.CheckConstraint(condition=Q(severity__range=(1, 3)), name="view_severity_is_one_to_three"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def flags(self) -> FlagQuerySet:
        """The open flags for which a session stands in it."""
        found = Flag.objects.filter(project=self.project_id, severity__gte=self.severity).open()
        if self.rule_id:
            found = found.filter(rule=self.rule_id)
        return found.filter(interaction__prompt__icontains=self.words) if self.words else found


class DecisionQuerySet(models.QuerySet["Decision"]):
    def with_begun(self) -> Self:
        """Annotated: begun, whether an expert has claimed a task that would go with the decision."""
        begun = _held_alone().filter(decision=OuterRef("pk"), reviewtask__claim__isnull=False)
        return self.annotate(begun=Exists(begun))


class Decision(models.Model):
    """A moderator's act on flags of one session."""

    class Kind(models.TextChoices):
        ROUTE = "route", "sent to experts"
        DISMISS = "dismiss", "dismissed"
        ESCALATE = "escalate", "escalated"
        PRODUCT_ISSUE = "product_issue", "made a product issue"
        CORRECTION = "correction", "the end user's correction taken"
        MERGE = "merge", "put with another session"
        GUIDANCE = "guidance", "made guidance"

    CLOSING: ClassVar = [
        Kind.ROUTE, Kind.DISMISS, Kind.PRODUCT_ISSUE, Kind.CORRECTION, Kind.MERGE, Kind.GUIDANCE,
    ]  # fmt: skip

    project = models.ForeignKey(Project, models.CASCADE)
    session = models.ForeignKey(Session, models.CASCADE, related_name="decisions")
    kind = models.CharField(max_length=20, choices=Kind)
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    reason = models.CharField(max_length=300, blank=True)
    queue = models.ForeignKey(Queue, models.SET_NULL, null=True, related_name="+")
    issue = models.ForeignKey(ProductIssue, models.PROTECT, null=True, related_name="decisions")
    into = models.ForeignKey(Session, models.CASCADE, null=True, related_name="merged", help_text="Of a merge.")
    flags = models.ManyToManyField(Flag, related_name="decisions")
    tasks = models.ManyToManyField(
        ReviewTask, related_name="decisions", help_text="Those that it, or an earlier decision, put into the queue."
    )
    at = models.DateTimeField(db_default=Now())

    objects: ClassVar[DecisionQuerySet] = DecisionQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(kind="product_issue", issue__isnull=False) | ~Q(kind="product_issue") & Q(issue=None),
                name="decision_names_its_issue",
            ),
            models.CheckConstraint(
                condition=Q(kind="merge", into__isnull=False) | ~Q(kind="merge") & Q(into=None),
                name="decision_names_what_it_merges_into",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} by {self.by}"

    @property
    def going(self) -> models.QuerySet[ReviewTask]:
        """The tasks that go when it is taken back: no other decision stands that sent them."""
        return ReviewTask.objects.filter(pk__in=_held_alone().filter(decision=self.pk).values("reviewtask"))


def _held_alone() -> models.QuerySet[Any]:
    """(decision, task) where no other decision sent the task too."""
    held = Decision.tasks.through.objects
    others = held.filter(reviewtask=OuterRef("reviewtask")).exclude(decision=OuterRef("decision"))
    return held.exclude(Exists(others))
