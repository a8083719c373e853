"""Queues: named streams of review work, who judges in them, and what asks for a second person."""

from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q

from labelhub.people.models import User
from labelhub.projects.models import Membership, Project
from labelhub.projects.rights import Right, Role, roles_with


def may_judge(person: str) -> Q:
    """Of rows with a task: whether whom their column `person` names may judge it. See `QueueQuerySet.visible_to`."""
    member = Membership.objects.filter(project=OuterRef("task__project"), user=OuterRef(person), user__is_active=True)
    named = Queue.reviewers.through.objects.filter(queue=OuterRef("task__queue"))
    chosen = ~Exists(named) | Exists(named.filter(user=OuterRef(person)))
    judges = Exists(member.filter(role__in=roles_with(Right.LABEL))) & chosen
    return Q(judges | Exists(member.filter(role__in=roles_with(Right.TRIAGE))))


class QueueQuerySet(models.QuerySet["Queue"]):
    def visible_to(self, user: Any) -> Self:
        """Queues of the user's projects that are open to everybody there or assigned to them."""
        mine = self.filter(project__in=Project.objects.where(user, Right.LABEL))
        return mine.filter(Q(reviewers=None) | Q(reviewers=user.pk) | Q(project__in=self._moderated(user))).distinct()

    def for_answers(self) -> Self:
        """Those that judge one answer at a time: anything captured can be put into them."""
        return self.filter(mode=Queue.Mode.CORRECTION)

    @staticmethod
    def _moderated(user: Any) -> models.QuerySet[Project]:
        return Project.objects.where(user, Right.TRIAGE)


class Queue(models.Model):
    """A named stream of review work."""

    class Order(models.TextChoices):
        PRIORITY = "priority", "the most urgent first"
        OLDEST = "oldest", "the oldest first"
        UNCERTAIN = "uncertain", "what the model was least sure of first"
        NOVEL = "novel", "what is least like anything decided first"
        DISAGREED = "disagreed", "what people disagree on most first"

    class Assignment(models.TextChoices):
        PULL = "pull", "to nobody: whoever asks takes the next"
        ROUND_ROBIN = "round_robin", "to one after the other, in turn"
        LOAD = "load", "to whom the least is waiting for"

    class Which(models.TextChoices):
        EVERY = "every", "every label"
        SHARE = "share", "a share of the labels, drawn by lot"
        DISAGREEMENT = "disagreement", "only where people disagree"

    class Twice(models.TextChoices):
        NEVER = "never", "one approval is enough"
        SENSITIVE = "sensitive", "two, for what was routed as sensitive"
        EVERY = "every", "two, for every label"

    class Mode(models.TextChoices):
        CORRECTION = "correction", "what is wrong with an answer, and what it should have been"
        PAIRWISE = "pairwise", "which of two answers is better"

    project = models.ForeignKey(Project, models.CASCADE)
    slug = models.SlugField(max_length=60)
    name = models.CharField(max_length=120)
    instructions = models.TextField(blank=True)
    mode = models.CharField(
        max_length=10, choices=Mode, default=Mode.CORRECTION, help_text="What is asked. It stays as it is."
    )
    overlap = models.PositiveSmallIntegerField(default=1, help_text="How many experts judge each task.")
    lease_minutes = models.PositiveSmallIntegerField(default=15)
    order = models.CharField(max_length=9, choices=Order, default=Order.PRIORITY)
    assignment = models.CharField(
        max_length=11, choices=Assignment, default=Assignment.PULL, help_text="To whom each new task is given."
    )
    calibration_every = models.PositiveSmallIntegerField(
        default=20,
        help_text="One in so many that a person takes is a calibration item, if there are any; 0: none.",
    )
    calibration_feedback = models.BooleanField(
        default=True, help_text="Who has judged a calibration item is shown the gold answer."
    )
    suggests = models.BooleanField(
        default=False, help_text="Who judges is shown what decided cases make likely, with its confidence."
    )
    approve_which = models.CharField(
        max_length=12, choices=Which, default=Which.EVERY,
        help_text="What is put before a second person. The rest counts in figures and is not taught.",
    )  # fmt: skip
    approve_share = models.FloatField(default=0.1, help_text="Of a share: how large it is, 0 to 1.")
    approve_twice = models.CharField(
        max_length=9, choices=Twice, default=Twice.NEVER, help_text="How many people approve, each on a ground."
    )
    threads_block = models.BooleanField(
        default=False, help_text="A comment that somebody answered is settled before its label is approved."
    )
    last_dealt_to = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", editable=False)
    random_tenth = models.BooleanField(
        default=True, help_text="Draws one answer in ten at random from all that was captured: figures rest on those."
    )
    reviewers = models.ManyToManyField(User, blank=True, related_name="+", help_text="Empty: every expert.")

    objects: ClassVar[QueueQuerySet] = QueueQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "slug"], name="queue_slug_is_unique_in_its_project"),
            models.CheckConstraint(condition=Q(overlap__gte=1), name="queue_overlap_is_at_least_one"),
            models.CheckConstraint(condition=Q(approve_share__range=(0, 1)), name="queue_share_is_a_share"),
        ]

    def __str__(self) -> str:
        return self.name

    def judges(self) -> models.QuerySet[User]:
        """Everybody who may judge in it: those that are named, else every expert; moderators and admins always."""
        members = Membership.objects.filter(project=self.project_id)
        chosen = Q(role__in=roles_with(Right.LABEL))
        if named := list(self.reviewers.values_list("pk", flat=True)):
            chosen &= Q(user__in=named)
        theirs = members.filter(chosen | Q(role__in=roles_with(Right.TRIAGE)))
        return User.objects.filter(is_active=True, pk__in=theirs.values("user")).order_by("name", "email")

    def dealt_to(self) -> models.QuerySet[User]:
        """Those that its rule gives tasks to: who is named, else the experts; where there are none, every judge."""
        judges, named = self.judges(), list(self.reviewers.values_list("pk", flat=True))
        experts = Membership.objects.filter(project=self.project_id, role=Role.EXPERT)
        chosen = judges.filter(pk__in=named) if named else judges.filter(pk__in=experts.values("user"))
        return chosen if chosen.exists() else judges
