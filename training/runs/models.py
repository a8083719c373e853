"""One fine-tune from request to artefact, its measured steps, and the version that it leaves behind."""

from typing import ClassVar, Self

from django.db import models
from django.db.models.functions import Now

from labelhub.errors import Conflict
from labelhub.people.models import User
from labelhub.projects.models import Project
from training.datasets.models import DatasetSnapshot
from training.scope import OfProjectQuerySet


class ModelVersion(models.Model):
    """An adapter in the content-addressed store: the folder named by the sha256 of its weights."""

    project = models.ForeignKey(Project, models.CASCADE)
    number = models.PositiveIntegerField()
    run = models.OneToOneField("training.TrainingRun", models.RESTRICT, null=True, related_name="version")
    adapter_sha256 = models.CharField(max_length=64, db_index=True, help_text="Of adapter_model.safetensors.")
    files = models.JSONField(help_text="{file name: sha256} of everything in its folder.")
    manifest_sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(db_default=Now())

    objects: ClassVar[OfProjectQuerySet] = OfProjectQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "number"], name="version_number_is_unique"),
            models.CheckConstraint(
                condition=models.Q(adapter_sha256__regex=r"^[0-9a-f]{64}$"),
                name="version_is_named_by_a_sha256",
            ),
        ]

    def __str__(self) -> str:
        return f"Version {self.number}"

    @property
    def name(self) -> str:
        """What the inference server and the gateway call it."""
        return f"{self.project.slug}-v{self.number}"

    @property
    def origin(self) -> "TrainingRun":
        """The run that made it. Raises Conflict for a version that came from elsewhere."""
        if self.run is None:
            raise Conflict(f"{self} was not made by a run of this project.")
        return self.run


class TrainingRunQuerySet(OfProjectQuerySet):
    def active(self) -> Self:
        return self.filter(state__in=TrainingRun.ACTIVE)

    def supervised(self) -> Self:
        """Those that a supervisor should be looking after."""
        return self.filter(state__in=[TrainingRun.State.STARTING, TrainingRun.State.RUNNING])


class TrainingRun(models.Model):
    """A fine-tune. Its supervisor writes only under the newest fence; attempts count deaths of the trainer too."""

    class State(models.TextChoices):
        QUEUED = "queued"
        STARTING = "starting"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELLED = "cancelled"

    MOVES: ClassVar[dict[str, set[str]]] = {
        State.QUEUED: {State.STARTING, State.CANCELLED, State.FAILED},
        State.STARTING: {State.RUNNING, State.SUCCEEDED, State.FAILED, State.CANCELLED},
        State.RUNNING: {State.SUCCEEDED, State.FAILED, State.CANCELLED},
    }
    ACTIVE: ClassVar = [State.QUEUED, State.STARTING, State.RUNNING]
    MOST_ATTEMPTS: ClassVar = 3

    project = models.ForeignKey(Project, models.CASCADE)
    number = models.PositiveIntegerField()
    snapshot = models.ForeignKey(DatasetSnapshot, models.RESTRICT, related_name="runs")
    state = models.CharField(max_length=9, choices=State, default=State.QUEUED)
    recipe = models.JSONField()
    seed = models.PositiveBigIntegerField(default=0)
    base_model = models.CharField(max_length=500, help_text="Hub id or folder, as configured at launch.")
    base_sha256 = models.CharField(max_length=64)
    parent = models.ForeignKey(ModelVersion, models.RESTRICT, null=True, related_name="children")
    launched_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    reason = models.CharField(max_length=300)
    token = models.CharField(max_length=64, help_text="Of the form or call: the same one launches once.")
    folder = models.CharField(max_length=200, help_text="Name below the data folder's runs/.")
    attempt = models.PositiveSmallIntegerField(default=0, help_text="Starts of the trainer so far.")
    fence = models.PositiveIntegerField(default=0, help_text="Grows with every supervisor.")
    supervisor_pid = models.PositiveIntegerField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    step = models.PositiveIntegerField(default=0)
    max_steps = models.PositiveIntegerField(default=0)
    failure = models.TextField(blank=True)
    cancel_asked_at = models.DateTimeField(null=True)
    cancel_asked_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True, help_text="When the first supervisor took it.")
    training_at = models.DateTimeField(null=True, help_text="When the first step was seen.")
    finished_at = models.DateTimeField(null=True)

    objects: ClassVar[TrainingRunQuerySet] = TrainingRunQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "number"], name="run_number_is_unique"),
            models.UniqueConstraint(fields=["project", "token"], name="run_token_launches_once"),
            models.UniqueConstraint(
                fields=["project"],
                condition=models.Q(state__in=["queued", "starting", "running"]),
                name="project_has_one_active_run",
            ),
            models.CheckConstraint(condition=~models.Q(reason=""), name="run_has_a_reason"),
        ]

    def __str__(self) -> str:
        return f"Run {self.number}"

    @property
    def is_active(self) -> bool:
        return self.state in self.ACTIVE


class RunMetric(models.Model):
    """What the trainer logged at one step."""

    run = models.ForeignKey(TrainingRun, models.CASCADE, related_name="metrics")
    step = models.PositiveIntegerField()
    loss = models.FloatField(null=True, help_text="Nats per answer token.")
    eval_loss = models.FloatField(null=True)
    learning_rate = models.FloatField(null=True)
    grad_norm = models.FloatField(null=True)
    tokens_per_s = models.FloatField(null=True)
    elapsed_s = models.FloatField(null=True)

    class Meta:
        ordering: ClassVar = ["step"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["run", "step"], name="metric_is_one_per_step")]

    def __str__(self) -> str:
        return f"step {self.step}"
