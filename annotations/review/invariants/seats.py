"""Seats and leases: who holds a task, and what state it has by that."""

from datetime import timedelta

from django.contrib.postgres.functions import TransactionNow
from django.db.models import Count, DurationField, Exists, ExpressionWrapper, F, OuterRef, Q

from annotations.review.models import (
    Approval,
    Assignment,
    Claim,
    Draft,
    Label,
    ReviewTask,
)
from annotations.review.models.work import number_of
from labelhub.invariants import Invariant

State, Held = ReviewTask.State, Claim.State
_LEASE = ExpressionWrapper(
    F("task__queue__lease_minutes") * timedelta(minutes=1) + timedelta(minutes=1), output_field=DurationField()
)
_OF_SEATS = Label.objects.independent()
_OF_CLAIM = _OF_SEATS.filter(task=OuterRef("task"), author=OuterRef("by"))
_DONE_CLAIM = Claim.objects.filter(task=OuterRef("task"), by=OuterRef("author"), state=Held.DONE)
_REVISABLE = Approval.objects.filter(
    label=OuterRef("revises"), label__author=OuterRef("author"), label__task=OuterRef("task")
)
_TASKS = ReviewTask.objects.alias(
    done=Count("claim", filter=Q(claim__state=Held.DONE)),
    live=Count("claim", filter=Q(claim__state=Held.HELD, claim__leased_until__gt=TransactionNow())),
)
_WAITING = Label.objects.waiting().filter(task=OuterRef("pk"))

SEATS = [
    Invariant(
        "an open task has a seat left to fill",
        of=_TASKS.filter(state=State.OPEN, calibration=False),
        broken=Q(done__gte=F("queue__overlap")),
        says="Task {row.pk} is open and every seat of it is done, so nobody is offered it: raise its queue's overlap, "
        "or send a label back.",
    ),
    Invariant(
        "a task is reserved when as many people are given it as judge it, and else is for everybody",
        of=ReviewTask.objects.alias(given=number_of(Assignment.objects.filter(task=OuterRef("pk")))),
        broken=Q(reserved=True, given__lt=F("queue__overlap")) | Q(reserved=False, given__gte=F("queue__overlap")),
        says="Task {row.pk} is {row.reserved:d} for reserved, and its assignments say the other: give it out again.",
    ),
    Invariant(
        "a submitted task has as many judgements as its queue wants",
        of=_TASKS.filter(state=State.SUBMITTED, calibration=False),
        broken=Q(done__lt=F("queue__overlap")),
        says="Task {row.pk} is submitted with a seat still empty: approve what is there, or send it back.",
    ),
    Invariant(
        "no more people hold a task than seats are left",
        of=_TASKS.filter(calibration=False),
        broken=Q(live__gt=0) & Q(live__gt=F("queue__overlap") - F("done")),
        says="Task {row.pk} is held by more people than it has seats: whoever took it last is refused.",
    ),
    Invariant(
        "what a label revises is an approved one of its author on the same task",
        of=Label.objects.all(),
        broken=Q(revises__isnull=False) & ~Q(Exists(_REVISABLE)),
        says="Label {row.pk} revises label {row.revises_id}, which is of somebody else, of another task, or was never "
        "approved: send it back.",
    ),
    Invariant(
        "a submitted task waits for somebody's decision",
        of=ReviewTask.objects.filter(state=State.SUBMITTED, calibration=False),
        broken=~Q(Exists(_WAITING)),
        says="Task {row.pk} is submitted, and each of its labels was decided on before: it would wait for ever.",
    ),
    Invariant(
        "an approved task has an approved label",
        of=ReviewTask.objects.filter(state=State.APPROVED, calibration=False),
        broken=~Q(Exists(Approval.objects.filter(label__task=OuterRef("pk")))),
        says="Task {row.pk} is approved, none of its labels is: nothing of it is injected or trained on.",
    ),
    Invariant(
        "a closed task is held by nobody",
        of=Claim.objects.filter(state=Held.HELD),
        broken=Q(task__state=State.CLOSED),
        says="Claim {row.pk} holds task {row.task_id}, which is closed: release it, what is typed there is refused.",
    ),
    Invariant(
        "a claim that is done has one label that stands",
        of=Claim.objects.filter(state=Held.DONE).alias(labels=number_of(_OF_CLAIM)),
        broken=~Q(labels=1),
        says="Claim {row.pk} of task {row.task_id} is done and has no label of its person, or several.",
    ),
    Invariant(
        "a label that was neither sent back nor taken back stands behind a done claim",
        of=_OF_SEATS,
        broken=~Q(Exists(_DONE_CLAIM)),
        says="Label {row.pk} of task {row.task_id} counts for no seat: its author's claim is not done.",
    ),
    Invariant(
        "no lease lasts longer than its queue's",
        of=Claim.objects.filter(state=Held.HELD),
        broken=Q(leased_until__gt=TransactionNow() + _LEASE),
        says="Claim {row.pk} holds task {row.task_id} until {row.leased_until:%Y-%m-%d %H:%M}: release it, nobody else "
        "is offered the task.",
    ),
    Invariant(
        "only a claim that was given back says why it was skipped",
        of=Claim.objects.exclude(state=Held.RELEASED),
        broken=~Q(skip_reason=""),
        says="Claim {row.pk} of task {row.task_id} is {row.state} and was skipped.",
    ),
    Invariant(
        "a draft is of somebody who claimed its task",
        of=Draft.objects.all(),
        broken=~Q(Exists(Claim.objects.filter(task=OuterRef("task"), by=OuterRef("by")))),
        says="Draft {row.pk} of task {row.task_id} is of somebody who never claimed it: they cannot find it.",
    ),
]
