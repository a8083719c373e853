"""What was judged: labels with their categories and comments, and what was said about those."""

from typing import Any, ClassVar, Self

from django.contrib.postgres.aggregates import StringAgg
from django.db import models
from django.db.models import Exists, F, Func, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce, Concat, Lower, Now, Random, Trim

from annotations.capture.models import Feedback
from annotations.review.models.queues import Queue
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
        """Submitted, and nothing was decided on it: neither by a second person nor by its author."""
        undecided = self.filter(approval=None, returned=None, withdrawal=None, overruling=None)
        return undecided.filter(task__calibration=False)

    def standing(self) -> Self:
        """What its author still stands by, and nobody sent back: of a label and its revision the revision."""
        revised = Label.objects.filter(revises=OuterRef("pk"), returned=None, withdrawal=None)
        return self.filter(returned=None, withdrawal=None).exclude(Exists(revised))

    def independent(self) -> Self:
        """Standing, and written without having seen what others said: no final answer of a moderator."""
        return self.standing().exclude(adjudication__by=F("author"))

    def final(self) -> Self:
        """Written by a moderator instead of what experts had said."""
        return self.filter(adjudication__by=F("author"))

    def _with_words(self) -> Self:
        """`words`: verdict, categories and better answer, in which letter case and white space say nothing."""
        text = models.TextField()
        slugs = LabelCategory.objects.filter(label=OuterRef("pk")).order_by().values("label")
        categories = slugs.annotate(all=StringAgg("category__slug", Value(","), order_by="category__slug"))
        answer = Func(
            Lower(Trim("rewrite")), Value(r"\s+"), Value(" "), Value("g"), function="regexp_replace", output_field=text
        )
        chosen = Coalesce(Subquery(categories.values("all"), output_field=text), Value(""), output_field=text)
        said = "verdict", Value("|"), chosen, Value("|"), answer
        return self.alias(words=Concat(*said, output_field=text))

    def _others(self) -> Self:
        """What others said of the task of the query that they are put in, and nobody overruled."""
        return self.independent().filter(task=OuterRef("task"), overruling=None).exclude(pk=OuterRef("pk"))

    def contested(self) -> Self:
        """Somebody else says otherwise of the same task."""
        return self._with_words().filter(_said_otherwise())

    def with_disputes(self) -> Self:
        """Annotated: disputed, whether somebody else says otherwise."""
        return self._with_words().annotate(disputed=_said_otherwise())

    def agreed(self) -> Self:
        """Several people said it and nobody otherwise, and nobody judges the task any more."""
        several = Exists(Label.objects.all()._others())
        return self._with_words().filter(several, ~_said_otherwise()).exclude(task__state=ReviewTask.State.OPEN)

    def asked(self) -> Self:
        """Those that their queue puts before a second person.

        Always: what changes or settles something, and what somebody approved as the first of two.
        """
        which, disputed = "task__queue__approve_which", Label.objects.contested().filter(pk=OuterRef("pk"))
        begun = Q(revises__isnull=False) | Q(adjudication__isnull=False) | Q(first_approval__isnull=False)
        drawn = Q(**{which: Queue.Which.SHARE}, lot__lt=F("task__queue__approve_share"))
        differs = Q(**{which: Queue.Which.DISAGREEMENT}) & Q(Exists(disputed))
        return self.filter(Q(**{which: Queue.Which.EVERY}) | begun | drawn | differs | Q(task__sensitive=True))

    def for_approval_by(self, user: User) -> Self:
        """Waiting for somebody other than their author, and than who approved first."""
        return self.waiting().asked().exclude(author=user).exclude(first_approval__by=user)

    def with_evidence(self) -> Self:
        """Everything that the approval page and the API show of a label, in a fixed number of queries."""
        rows = self.select_related("task__interaction__session", "task__candidate", "task__queue", "author", "taxonomy")
        return rows.prefetch_related("categories__category", "comments__category")

    def with_threads(self) -> Self:
        return self.prefetch_related("comments__replies__by", "comments__resolution__by")


def _said_otherwise() -> Exists:
    others = Label.objects.all()._others()._with_words()
    return Exists(others.exclude(words=OuterRef("words")))  # type: ignore[misc]


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
    lot = models.FloatField(db_default=Random(), help_text="0 to 1: where only a share is approved, that below it.")
    swapped = models.BooleanField(null=True, help_text="Of a pair: the other answer was shown first.")
    taxonomy = models.ForeignKey(Taxonomy, models.PROTECT, related_name="+")
    guidelines = models.ForeignKey(Guidelines, models.PROTECT, related_name="+")
    origin = models.ForeignKey(
        Feedback, models.SET_NULL, null=True, related_name="+", help_text="The end user's words that it vouches for."
    )
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
