"""What happened in production: sessions, the model calls in them, how they were received. Written once."""

from typing import Any, ClassVar, Self

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Now

from labelhub.projects.models import Project
from labelhub.projects.rights import Right


class CapturedQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: Any) -> Self:
        """What `user` may read: everything of the projects where their role includes reading."""
        return self.filter(project__in=Project.objects.where(user, Right.READ))


class Session(models.Model):
    """One conversation of an end user."""

    project = models.ForeignKey(Project, models.CASCADE)
    external_id = models.CharField(max_length=255)
    first_seen_at = models.DateTimeField(db_default=Now())

    objects: ClassVar[CapturedQuerySet] = CapturedQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "external_id"], name="session_external_id_is_unique")
        ]

    def __str__(self) -> str:
        return f"Session {self.external_id}"


class InteractionQuerySet(CapturedQuerySet):
    def trail(self, session: Session) -> Self:
        """The interactions of a session in the order in which they happened."""
        return self.filter(session=session).order_by("occurred_at", "pk")


class Interaction(models.Model):
    """One model call. Text is stored as it came, but for line ends and characters that Postgres cannot hold."""

    project = models.ForeignKey(Project, models.CASCADE)
    session = models.ForeignKey(Session, models.CASCADE)
    external_id = models.CharField(max_length=255)
    body_sha256 = models.CharField(max_length=64, help_text="Of the canonical body: tells a replay from a conflict.")
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField(db_default=Now())
    system_context = models.TextField(blank=True)
    turns = models.JSONField(default=list, help_text="Earlier messages of the request: [{role, content}].")
    prompt = models.TextField(help_text="The last user message.")
    output = models.TextField()
    documents = models.JSONField(default=list, help_text="Retrieved documents: [{title, text, …}].")
    model_version = models.CharField(max_length=120, blank=True)
    prompt_version = models.CharField(max_length=120, blank=True)
    environment = models.CharField(max_length=40, blank=True)
    user_role = models.CharField(max_length=40, blank=True)
    confidence = models.FloatField(null=True)
    mean_logprob = models.FloatField(null=True, help_text="Mean token log-probability of the output, in nats.")
    duration_ms = models.FloatField(null=True)
    metadata = models.JSONField(default=dict)
    text_escaped = models.BooleanField(default=False, help_text="NUL or lone surrogates were stored as \\uXXXX.")
    clock_odd = models.BooleanField(default=False, help_text="occurred_at lies far from the time of receipt.")

    objects: ClassVar[InteractionQuerySet] = InteractionQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "external_id"], name="interaction_external_id_is_unique")
        ]
        indexes: ClassVar = [
            models.Index(fields=["session", "occurred_at"], name="interaction_trail"),
            models.Index(fields=["project", "-id"], name="interaction_newest"),
            models.Index(fields=["project", "model_version"], name="interaction_version"),
            GinIndex(fields=["metadata"], name="interaction_metadata", opclasses=["jsonb_path_ops"]),
        ]

    def __str__(self) -> str:
        return f"Interaction {self.external_id}"

    @property
    def messages(self) -> list[dict[str, str]]:
        """The request as it was sent to the model: system context, earlier turns, prompt."""
        system = [{"role": "system", "content": self.system_context}] if self.system_context else []
        return [*system, *self.turns, {"role": "user", "content": self.prompt}]


class RawPayload(models.Model):
    """The body of an interaction as it arrived. Partitioned by month of receipt; nothing points here."""

    pk = models.CompositePrimaryKey("received_at", "interaction_id")
    received_at = models.DateTimeField()
    interaction_id = models.BigIntegerField()
    project_id = models.BigIntegerField()
    body = models.JSONField()

    class Meta:
        managed = False  # made by hand in the first migration: Django knows no partitions
        db_table = "annotations_rawpayload"

    def __str__(self) -> str:
        return f"Raw payload of interaction {self.interaction_id}"


class FeedbackQuerySet(CapturedQuerySet):
    def parked(self) -> Self:
        """Came before its interaction."""
        return self.filter(interaction=None, session=None)


class Feedback(models.Model):
    """A sign of reception: what an end user said of an answer, or did with it."""

    class Kind(models.TextChoices):
        THUMB = "thumb"
        RATING = "rating"
        CATEGORY = "category"
        COMMENT = "comment"
        REWRITE = "rewrite"
        COPY = "copy"
        ABANDON = "abandon"
        FOLLOW_UP = "follow_up"
        REGENERATE = "regenerate"
        EDIT = "edit"
        DWELL = "dwell"

    project = models.ForeignKey(Project, models.CASCADE)
    external_id = models.CharField(max_length=255)
    body_sha256 = models.CharField(max_length=64)
    interaction = models.ForeignKey(Interaction, models.CASCADE, null=True)
    session = models.ForeignKey(Session, models.CASCADE, null=True)
    about_interaction = models.CharField(max_length=255, blank=True, help_text="External id, kept while it is parked.")
    about_session = models.CharField(max_length=255, blank=True)
    kind = models.CharField(max_length=12, choices=Kind)
    value = models.FloatField(null=True, help_text="thumb: 1 or -1; rating: 1 to 5; dwell: seconds.")
    text = models.TextField(blank=True, help_text="Comment, rewrite or category in the end user's own words.")
    end_user = models.CharField(max_length=255, blank=True)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField(db_default=Now())

    objects: ClassVar[FeedbackQuerySet] = FeedbackQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name_plural = "feedback"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "external_id"], name="feedback_external_id_is_unique")
        ]
        indexes: ClassVar = [
            models.Index(fields=["interaction"], name="feedback_of_interaction"),
            models.Index(
                fields=["project", "about_interaction"],
                name="feedback_parked",
                condition=models.Q(interaction=None, session=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.value if self.value is not None else ''}".strip()

    @property
    def words(self) -> str:
        """In plain words, for chips and timelines."""
        if self.kind == self.Kind.THUMB:
            return "thumb up" if (self.value or 0) > 0 else "thumb down"
        if self.kind == self.Kind.RATING:
            return f"rated {self.value:g} of 5"
        return {
            "copy": "copied", "abandon": "left", "follow_up": "asked again", "regenerate": "regenerated",
            "edit": "edited", "rewrite": "suggested an answer", "comment": "comment",
            "category": self.text or "category",
            "dwell": f"read {self.value or 0:g} s",
        }[self.kind]  # fmt: skip


class ImportJob(models.Model):
    """One file brought in by `import_interactions`: all of it or nothing."""

    class State(models.TextChoices):
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    MOVES: ClassVar[dict[str, set[str]]] = {State.RUNNING: {State.DONE, State.FAILED}}

    project = models.ForeignKey(Project, models.CASCADE)
    file_name = models.CharField(max_length=255)
    file_sha256 = models.CharField(max_length=64)
    mapping = models.JSONField()
    state = models.CharField(max_length=7, choices=State, default=State.RUNNING)
    lines = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    already_there = models.PositiveIntegerField(default=0)
    rejects = models.JSONField(
        default=list,
        help_text="[{line, error}]: as line 0 what became of the file, then the first thousand refused lines.",
    )
    started_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.file_name


class Watermark(models.Model):
    """How far a follow-up has read: everything up to `position` was seen."""

    follow_up = models.CharField(max_length=80)
    project = models.ForeignKey(Project, models.CASCADE)
    position = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["follow_up", "project"], name="watermark_is_one_per_follow_up")
        ]

    def __str__(self) -> str:
        return f"{self.follow_up} of {self.project_id}: {self.position}"
