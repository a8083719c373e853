"""Tests of what a model answers, and a version compared with a baseline case by case."""

from typing import Any, ClassVar, Self

from django.db import models
from django.db.models.functions import Now

from annotations.capture.models import Interaction
from annotations.review.models import Approval
from labelhub.projects.models import Project
from labelhub.projects.rights import Right
from training.datasets.models import PromptGroup
from training.runs.models import ModelVersion
from training.scope import OfProjectQuerySet


class SuiteQuerySet(models.QuerySet["Suite"]):
    def visible_to(self, user: Any) -> Self:
        return self.filter(project__in=Project.objects.where(user, Right.CURATE))


class Suite(models.Model):
    """Held-out cases measure generalisation, regression cases forgetting; the two are never mixed in one figure."""

    class Kind(models.TextChoices):
        HELD_OUT = "heldout"
        REGRESSION = "regression"

    project = models.ForeignKey(Project, models.CASCADE)
    slug = models.SlugField(max_length=60)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=10, choices=Kind)
    created_at = models.DateTimeField(db_default=Now())

    objects: ClassVar[SuiteQuerySet] = SuiteQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "slug"], name="suite_slug_is_unique_in_its_project"),
            models.UniqueConstraint(
                fields=["project"],
                condition=models.Q(kind="regression"),
                name="project_has_one_regression_suite",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class CaseQuerySet(models.QuerySet["Case"]):
    def visible_to(self, user: Any) -> Self:
        return self.filter(suite__project__in=Project.objects.where(user, Right.CURATE))

    def of(self, project: Project) -> Self:
        return self.filter(suite__project=project)

    def asked(self) -> Self:
        """Not retired."""
        return self.filter(retired_at=None)

    def held_out(self) -> Self:
        return self.filter(suite__kind=Suite.Kind.HELD_OUT)

    def regression(self) -> Self:
        return self.filter(suite__kind=Suite.Kind.REGRESSION)


class Case(models.Model):
    """One question with the answer that counts as right. It leaves its suite only by retirement, with a reason."""

    suite = models.ForeignKey(Suite, models.CASCADE, related_name="cases")
    messages = models.JSONField()
    gold = models.TextField()
    rejected = models.TextField(blank=True, help_text="The answer that was corrected, if there was one.")
    prompt_sha256 = models.CharField(max_length=64, help_text="Of the normalised conversation.")
    external_id = models.CharField(max_length=255, blank=True)
    interaction = models.ForeignKey(Interaction, models.RESTRICT, null=True, related_name="+")
    approval = models.ForeignKey(Approval, models.RESTRICT, null=True, related_name="+")
    group = models.ForeignKey(PromptGroup, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    retired_at = models.DateTimeField(null=True)
    retired_reason = models.CharField(max_length=300, blank=True)

    objects: ClassVar[CaseQuerySet] = CaseQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["suite", "prompt_sha256"],
                condition=models.Q(retired_at=None),
                name="case_is_asked_once_in_a_suite",
            ),
            models.UniqueConstraint(fields=["suite", "approval"], name="approval_gives_one_case"),
            models.CheckConstraint(
                condition=models.Q(retired_at=None) | ~models.Q(retired_reason=""),
                name="retirement_has_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"Case {self.pk}"

    @property
    def question(self) -> str:
        return str(self.messages[-1]["content"])


class EvaluationQuerySet(OfProjectQuerySet):
    def unfinished(self) -> Self:
        return self.filter(state__in=[Evaluation.State.QUEUED, Evaluation.State.RUNNING])

    def running(self) -> Self:
        """Taken by a supervisor: what is queued waits for the sweep to give it one."""
        return self.filter(state=Evaluation.State.RUNNING)

    def succeeded(self) -> Self:
        return self.filter(state=Evaluation.State.SUCCEEDED)


class Evaluation(models.Model):
    """A version and the one that it would replace, both asked every case. Figures are computed, never stored."""

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"

    MOVES: ClassVar[dict[str, set[str]]] = {
        State.QUEUED: {State.RUNNING, State.FAILED},
        State.RUNNING: {State.SUCCEEDED, State.FAILED},
    }
    MOST_ATTEMPTS: ClassVar = 3

    project = models.ForeignKey(Project, models.CASCADE)
    version = models.ForeignKey(ModelVersion, models.RESTRICT, related_name="evaluations")
    baseline = models.ForeignKey(ModelVersion, models.RESTRICT, null=True, related_name="+", help_text="Empty: base.")
    state = models.CharField(max_length=9, choices=State, default=State.QUEUED)
    folder = models.CharField(max_length=200, blank=True)
    attempt = models.PositiveSmallIntegerField(default=0)
    fence = models.PositiveIntegerField(default=0)
    supervisor_pid = models.PositiveIntegerField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    failure = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects: ClassVar[EvaluationQuerySet] = EvaluationQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["version"],
                condition=models.Q(state__in=["queued", "running"]),
                name="version_has_one_unfinished_evaluation",
            )
        ]

    def __str__(self) -> str:
        return f"Evaluation {self.pk}"


class CaseResultQuerySet(models.QuerySet["CaseResult"]):
    def held_out(self) -> Self:
        return self.filter(case__suite__kind=Suite.Kind.HELD_OUT)

    def regression(self) -> Self:
        return self.filter(case__suite__kind=Suite.Kind.REGRESSION)

    def unseen(self) -> Self:
        return self.filter(seen=False)

    def siblings(self) -> Self:
        return self.filter(slice=CaseResult.Slice.SIBLING)

    def worse(self) -> Self:
        """Right before, wrong now."""
        return self.filter(before_exact=True, after_exact=False)


class CaseResult(models.Model):
    """What the baseline and the version answered to one case."""

    class Slice(models.TextChoices):
        CORRECTED = "corrected"
        SIBLING = "sibling", "same topic, not corrected"
        ELSEWHERE = "elsewhere"

    evaluation = models.ForeignKey(Evaluation, models.CASCADE, related_name="results")
    case = models.ForeignKey(Case, models.RESTRICT, related_name="+")
    slice = models.CharField(max_length=9, choices=Slice)
    seen = models.BooleanField(help_text="Its prompt, or a near-duplicate of it, is a row of the version's run.")
    before_output = models.TextField(blank=True)
    after_output = models.TextField(blank=True)
    before_exact = models.BooleanField()
    after_exact = models.BooleanField()
    logprobs = models.JSONField(default=dict, help_text="{before|after: {gold, rejected, output}}, mean nats a token.")

    objects: ClassVar[CaseResultQuerySet] = CaseResultQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["evaluation", "case"], name="case_has_one_result_in_an_evaluation")
        ]

    def __str__(self) -> str:
        return f"Result of case {self.case_id}"
