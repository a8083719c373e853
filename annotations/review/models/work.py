"""Work to do: tasks, who holds them, what was typed and not submitted."""

from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Count, Exists, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce, Now
from django.db.models.lookups import LessThanOrEqual

from annotations.capture.models import Interaction
from annotations.review.models.pairs import Candidate
from annotations.review.models.queues import Queue, may_judge
from labelhub.people.models import User
from labelhub.projects.models import Project

_SOONEST = F("rank").desc(nulls_last=True)
_FOR_ALL = Q(state="open", reserved=False)


class ReviewTaskQuerySet(models.QuerySet["ReviewTask"]):
    def visible_to(self, user: Any) -> Self:
        return self.filter(queue__in=Queue.objects.visible_to(user))

    def open(self) -> Self:
        return self.filter(state=ReviewTask.State.OPEN, calibration=False)

    def calibration(self) -> Self:
        """Hidden among the open ones, for everybody."""
        return self.filter(state=ReviewTask.State.OPEN, calibration=True)

    def in_order(self) -> Self:
        """The order in which a queue serves what was not drawn at random."""
        return self.order_by(_SOONEST, "pk")

    def not_done_with(self, user: User) -> Self:
        """Neither judged nor skipped by `user`, nor put off until later."""
        done = Q(state=Claim.State.DONE) | ~Q(skip_reason="") | Q(snoozed_until__gt=Now())
        return self.exclude(Exists(Claim.objects.filter(done, task=OuterRef("pk"), by=user)))

    def served_to(self, user: User) -> Self:
        """For everybody, or given to `user`."""
        given = Assignment.objects.filter(task=OuterRef("pk"), to=user)
        return self.filter(Q(reserved=False) | Exists(given))

    def undecided(self) -> Self:
        """Still to be judged, or judged and waiting for a second person."""
        return self.filter(state__in=[ReviewTask.State.OPEN, ReviewTask.State.SUBMITTED])


class ReviewTask(models.Model):
    """One interaction, or one pair, to judge in one queue. Priority and reason were copied when it was routed."""

    class State(models.TextChoices):
        OPEN = "open"
        SUBMITTED = "submitted"
        APPROVED = "approved"
        CLOSED = "closed"

    MOVES: ClassVar[dict[str, set[str]]] = {
        State.OPEN: {State.SUBMITTED, State.CLOSED},
        State.SUBMITTED: {State.APPROVED, State.OPEN, State.CLOSED},
        State.APPROVED: {State.OPEN, State.SUBMITTED},  # its author has revised the label
        State.CLOSED: {State.OPEN},
    }

    project = models.ForeignKey(Project, models.CASCADE)
    queue = models.ForeignKey(Queue, models.CASCADE)
    interaction = models.ForeignKey(Interaction, models.CASCADE)
    candidate = models.ForeignKey(
        Candidate, models.CASCADE, null=True, related_name="tasks", help_text="Of a pair: the other answer."
    )
    state = models.CharField(max_length=9, choices=State, default=State.OPEN)
    priority = models.IntegerField(default=0)
    rank = models.FloatField(null=True, help_text="The larger the sooner it is served; see ranking.py.")
    reason = models.CharField(max_length=300, blank=True)
    random_slice = models.BooleanField(default=False, help_text="Drawn at random: keeps the figures unbiased.")
    sensitive = models.BooleanField(default=False, help_text="A flag on sensitive content led to it.")
    calibration = models.BooleanField(
        default=False, help_text="Its gold answer is known: everybody judges it, to see whether they judge alike."
    )
    reserved = models.BooleanField(default=False, help_text="Given to as many people as judge it: to nobody else.")
    routed_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    objects: ClassVar[ReviewTaskQuerySet] = ReviewTaskQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["queue", "interaction"],
                condition=Q(calibration=False, candidate=None),
                name="task_is_one_per_interaction_in_a_queue",
            ),
            models.UniqueConstraint(fields=["queue", "candidate"], name="task_is_one_per_pair_in_a_queue"),
            models.UniqueConstraint(
                fields=["queue", "interaction"],
                condition=Q(calibration=True),
                name="calibration_is_one_per_interaction",
            ),
        ]
        indexes: ClassVar = [
            models.Index("queue", _SOONEST, "id", name="task_served_next", condition=_FOR_ALL),
            models.Index("queue", "id", name="task_drawn", condition=_FOR_ALL & Q(random_slice=True)),
            models.Index("project", name="task_unranked", condition=Q(state="open", rank=None)),
            models.Index(fields=["interaction"], name="task_of_interaction"),
            models.Index(fields=["queue"], name="task_calibrating", condition=Q(state="open", calibration=True)),
        ]

    def __str__(self) -> str:
        return f"Task {self.pk}"


def number_of(rows: models.QuerySet[Any]) -> Coalesce:
    """How many `rows` of one task there are, for each row of the query that they refer to."""
    return Coalesce(Subquery(rows.order_by().values("task").annotate(n=Count("pk")).values("n")), 0)


class ClaimQuerySet(models.QuerySet["Claim"]):
    def held(self) -> Self:
        """Neither done nor given back; the lease may have run out."""
        return self.filter(state=Claim.State.HELD)

    def live(self) -> Self:
        """Held now, by the database's clock."""
        return self.held().filter(leased_until__gt=Now())

    def latest_of(self, user: User) -> Self:
        """What `user` took, the last first."""
        return self.filter(by=user).select_related("task").order_by("-claimed_at")

    def done(self) -> Self:
        return self.filter(state=Claim.State.DONE)

    def seats_taken(self) -> Self:
        """Those that count against the overlap: held now, or done."""
        return self.filter(Q(state=Claim.State.DONE) | Q(state=Claim.State.HELD, leased_until__gt=Now()))

    def with_seat(self) -> Self:
        """Those that can still become done, for when more people hold a task than it has seats left.

        A calibration item has a seat for everybody. Else seats go to what is done, then to who holds the task in the
        order in which they took it, then to those whose lease has run out, whichever of them comes first.
        """
        return self._ranked().filter(Q(task__calibration=True) | Q(before__lt=F("task__queue__overlap")))

    def without_seat(self) -> Self:
        return self._ranked().filter(task__calibration=False, before__gte=F("task__queue__overlap"))

    def _ranked(self) -> Self:
        """With how many others of the task come `before` it."""
        others = Claim.objects.filter(task=OuterRef("task")).exclude(pk=OuterRef("pk")).seats_taken()
        earlier = Q(claimed_at__lt=OuterRef("claimed_at")) | Q(claimed_at=OuterRef("claimed_at"), pk__lt=OuterRef("pk"))
        has_run_out = Q(LessThanOrEqual(OuterRef("leased_until"), Now()))
        return self.alias(before=number_of(others.filter(Q(state=Claim.State.DONE) | earlier | has_run_out)))

    def put_off(self, queue: Queue, user: User) -> Self:
        """What `user` wants again later, the soonest first."""
        mine = self.filter(by=user, task__queue=queue, task__state=ReviewTask.State.OPEN)
        return mine.filter(state=Claim.State.RELEASED, snoozed_until__gt=Now()).order_by("snoozed_until")

    def of_strangers(self) -> Self:
        """Those of people who may not judge the task any more."""
        return self.exclude(may_judge("by"))

    def at_hand(self, queue: Queue, user: User) -> Self:
        """What `user` has to judge in `queue` now, the last taken first."""
        mine = self.live().filter(by=user, task__queue=queue, task__state=ReviewTask.State.OPEN)
        return mine.order_by("-claimed_at")


class Claim(models.Model):
    """A reviewer's lease on a task. The fence grows with every claim: a write with an old one is refused."""

    class State(models.TextChoices):
        HELD = "held"
        DONE = "done"
        RELEASED = "released"

    MOVES: ClassVar[dict[str, set[str]]] = {
        State.HELD: {State.DONE, State.RELEASED},
        State.DONE: {State.RELEASED},  # the label was sent back
        State.RELEASED: {State.HELD},
    }

    task = models.ForeignKey(ReviewTask, models.CASCADE)
    by = models.ForeignKey(User, models.CASCADE, related_name="+")
    state = models.CharField(max_length=8, choices=State, default=State.HELD)
    fence = models.PositiveIntegerField(default=1)
    claimed_at = models.DateTimeField(db_default=Now())
    leased_until = models.DateTimeField()
    skip_reason = models.CharField(max_length=300, blank=True)
    swapped = models.BooleanField(db_default=False, help_text="Of a pair: the other answer is shown first, by lot.")
    snoozed_until = models.DateTimeField(null=True, help_text="Given back by somebody who wants it again then.")

    objects: ClassVar[ClaimQuerySet] = ClaimQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["task", "by"], name="claim_is_one_per_person_and_task")
        ]
        indexes: ClassVar = [
            models.Index(fields=["by"], name="claim_held", condition=Q(state="held")),
            models.Index(fields=["by", "-claimed_at"], name="claim_latest"),
        ]

    def __str__(self) -> str:
        return f"Claim of task {self.task_id}"


class AssignmentQuerySet(models.QuerySet["Assignment"]):
    def of_strangers(self) -> Self:
        """Those of people who may not judge the task any more."""
        return self.exclude(may_judge("to"))


class Assignment(models.Model):
    """A task given to someone, who is served it before all that is for everybody."""

    task = models.ForeignKey(ReviewTask, models.CASCADE, related_name="assignments")
    to = models.ForeignKey(User, models.CASCADE, related_name="+")
    by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", help_text="Empty: the queue's own rule.")
    at = models.DateTimeField(db_default=Now())

    objects: ClassVar[AssignmentQuerySet] = AssignmentQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["task", "to"], name="assignment_is_one_per_person_and_task")
        ]

    def __str__(self) -> str:
        return f"Task {self.task_id} given to person {self.to_id}"


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
