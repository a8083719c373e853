"""Job: the durable record of any background work."""

from typing import ClassVar, Self

from django.db import models
from django.db.models.functions import Now

from labelhub.projects.models import Project


class Cluster(models.TextChoices):
    """Which workers run it. `training` starts what takes long; nothing that people wait for goes there."""

    DEFAULT = "default"
    TRAINING = "training"


class JobQuerySet(models.QuerySet["Job"]):
    def queued(self) -> Self:
        return self.filter(state=Job.State.QUEUED)

    def due(self) -> Self:
        return self.queued().filter(not_before__lte=Now())

    def running(self) -> Self:
        return self.filter(state=Job.State.RUNNING)

    def follow_ups(self) -> Self:
        return self.exclude(follow_up="")

    def alike(self, path: str, project_id: int | None, cluster: str) -> Self:
        """The Jobs of one follow-up for one project, or for none."""
        return self.filter(path=path, project_id=project_id, cluster=cluster)

    def held(self, pk: int, fence: int) -> Self:
        """The Job while the claim with `fence` still owns it; else nothing."""
        return self.running().filter(pk=pk, fence=fence)


class Job(models.Model):
    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        DEAD = "dead"
        CANCELLED = "cancelled"

    MOVES: ClassVar = {
        State.QUEUED: {State.RUNNING, State.CANCELLED},
        State.RUNNING: {State.DONE, State.DEAD, State.QUEUED, State.CANCELLED},
    }
    MAX_ATTEMPTS: ClassVar[int] = 3

    path = models.CharField(max_length=200, help_text="Dotted path of the function that does the work.")
    subject = models.TextField(blank=True, help_text="What it works on; the function's only argument.")
    project = models.ForeignKey(Project, models.CASCADE, null=True, blank=True, related_name="+")
    follow_up = models.CharField(max_length=60, blank=True, help_text="The event that this follows, if any.")
    cluster = models.CharField(max_length=20, choices=Cluster, default=Cluster.DEFAULT)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    attempt = models.PositiveSmallIntegerField(default=0, help_text="How often it was started, deaths included.")
    fence = models.PositiveIntegerField(default=0, help_text="Grows with each claim; an older claim writes nothing.")
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    enqueued_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(db_default=Now())
    rung_at = models.DateTimeField(db_default=Now(), help_text="When django-q2 was last told of it.")
    bell = models.BigIntegerField(null=True, blank=True, help_text="The row in django-q2's queue that wakes it.")
    error = models.TextField(blank=True)
    result = models.TextField(blank=True)

    objects: ClassVar[JobQuerySet] = JobQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["not_before"], condition=models.Q(state="queued"), name="job_queued"),
            models.Index(fields=["heartbeat_at"], condition=models.Q(state="running"), name="job_running"),
            models.Index(fields=["cluster", "heartbeat_at"], name="job_sign_of_life"),
            models.Index(fields=["path", "subject"], name="job_by_subject"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["path", "project", "cluster"],
                condition=models.Q(state="queued") & ~models.Q(follow_up=""),
                nulls_distinct=False,
                name="follow_up_is_queued_once_per_project",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="running") | models.Q(heartbeat_at__isnull=False),
                name="running_job_has_a_heartbeat",
            ),
            models.CheckConstraint(
                condition=models.Q(finished_at__isnull=False) | ~models.Q(state__in=["done", "dead", "cancelled"]),
                name="ended_job_has_an_end",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.path}({self.subject or self.project_id or ''})"

    @property
    def ended(self) -> bool:
        return self.state in {self.State.DONE, self.State.DEAD, self.State.CANCELLED}
