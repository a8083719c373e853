"""What must hold of judging: seats and leases, what was submitted, and the second person behind every truth."""

from datetime import timedelta

from django.contrib.postgres.functions import TransactionNow
from django.db.models import Count, DurationField, Exists, ExpressionWrapper, F, Func, OuterRef, Q, TextField
from django.db.models.functions import Right, Substr

from annotations.review.models import (
    Approval,
    Assignment,
    Claim,
    Draft,
    Label,
    LabelCategory,
    Queue,
    Return,
    ReviewTask,
    SpanComment,
    SuggestionOutcome,
)
from annotations.review.models.work import number_of
from annotations.review.spans import CONTEXT
from labelhub.invariants import Invariant, carriage_return_in, differs

State, Held = ReviewTask.State, Claim.State
_OUTPUT = "label__task__interaction__output"
_BEFORE = Func(F(_OUTPUT), F("start"), function="left", output_field=TextField())
_LEASE = ExpressionWrapper(
    F("task__queue__lease_minutes") * timedelta(minutes=1) + timedelta(minutes=1), output_field=DurationField()
)
_STANDING = Label.objects.standing()
_OF_CLAIM = _STANDING.filter(task=OuterRef("task"), author=OuterRef("by"))
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
        of=_STANDING,
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
WORDS = [
    Invariant(
        "the characters that a span comment names stand at its offsets",
        of=SpanComment.objects.alias(stands=Substr(_OUTPUT, F("start") + 1, F("end") - F("start"))),
        broken=~Q(stands=F("exact")),
        says="Span comment {row.pk} of label {row.label_id} names {row.exact!r:.60}, and from {row.start} to {row.end} "
        "stands something else: the output was changed.",
    ),
    Invariant(
        "a span comment keeps what stands before and after it",
        of=SpanComment.objects.alias(before=Right(_BEFORE, CONTEXT), after=Substr(_OUTPUT, F("end") + 1, CONTEXT)),
        broken=~Q(before=F("prefix")) | ~Q(after=F("suffix")),
        says="Span comment {row.pk} of label {row.label_id} keeps other words around it than the output has.",
    ),
    Invariant(
        "only what is flawed has categories or a better answer",
        of=Label.objects.filter(verdict__in=[Label.Verdict.GOOD, Label.Verdict.CANNOT_JUDGE]),
        broken=~Q(rewrite="") | Q(Exists(LabelCategory.objects.filter(label=OuterRef("pk")))),
        says="Label {row.pk} calls the answer {row.verdict} and says what was wrong: send it back.",
    ),
    Invariant(
        "a better answer differs from the answer",
        of=Label.objects.exclude(rewrite=""),
        broken=Q(rewrite=F("task__interaction__output")),
        says="Label {row.pk} writes the output itself as the better answer: send it back.",
    ),
    Invariant(
        "a label's categories are of the taxonomy that it is pinned to",
        of=LabelCategory.objects.all(),
        broken=differs("category__taxonomy", F("label__taxonomy")),
        says="Label {row.label_id} has category {row.category_id} of another version of the taxonomy.",
    ),
    Invariant(
        "a span comment's category is of the taxonomy that its label is pinned to",
        of=SpanComment.objects.exclude(category=None),
        broken=differs("category__taxonomy", F("label__taxonomy")),
        says="Span comment {row.pk} of label {row.label_id} has category {row.category_id} of another taxonomy.",
    ),
    Invariant(
        "what people wrote in a label ends its lines with a line feed",
        of=Label.objects.all(),
        broken=carriage_return_in("rewrite", "note"),
        says="Label {row.pk} holds a carriage return: what is taught and injected differs from what was captured.",
    ),
    Invariant(
        "what people wrote on a span ends its lines with a line feed",
        of=SpanComment.objects.all(),
        broken=carriage_return_in("text", "replacement"),
        says="Span comment {row.pk} holds a carriage return: it was not stored by the desk or the API.",
    ),
]
FOUR_EYES = [
    Invariant(
        "nobody approved a label of their own",
        of=Approval.objects.all(),
        broken=Q(by=F("label__author")),
        says="Approval {row.pk}: label {row.label_id} was approved by its author, person {row.by_id}. Ask a second "
        "person to judge interaction {row.interaction_id} again.",
    ),
    Invariant(
        "nobody sent back a label of their own",
        of=Return.objects.all(),
        broken=Q(by=F("label__author")),
        says="Return {row.pk}: label {row.label_id} was sent back by its author, person {row.by_id}.",
    ),
    Invariant(
        "an approval is of the answer that its label judges",
        of=Approval.objects.all(),
        broken=differs("interaction", F("label__task__interaction")),
        says="Approval {row.pk} makes label {row.label_id} the truth of interaction {row.interaction_id}, which the "
        "label does not judge.",
    ),
    Invariant(
        "a label is approved once, so that an answer has one latest approval",
        of=Approval.objects.all(),
        broken=Q(Exists(Approval.objects.filter(label=OuterRef("label"), pk__lt=OuterRef("pk")))),
        says="Approval {row.pk}: label {row.label_id} was approved before.",
    ),
    Invariant(
        "a label is approved, sent back or taken back, only one of these",
        of=Label.objects.exclude(returned=None, withdrawal=None),
        broken=Q(Exists(Approval.objects.filter(label=OuterRef("pk")))) | ~Q(returned=None) & ~Q(withdrawal=None),
        says="Label {row.pk} was decided on twice or taken back as well: ask a second person to judge it again.",
    ),
    Invariant(
        "a label of a pair chooses, and no other does",
        of=Label.objects.all(),
        broken=Q(task__candidate=None, verdict__in=Label.CHOICES)
        | ~Q(task__candidate=None) & ~Q(verdict__in=Label.CHOICES),
        says="Label {row.pk} says {row.verdict} of task {row.task_id}, which asks something else: send it back.",
    ),
    Invariant(
        "a pair is judged in a queue that judges pairs, and of one answer",
        of=ReviewTask.objects.all(),
        broken=Q(candidate=None, queue__mode=Queue.Mode.PAIRWISE)
        | ~Q(candidate=None)
        & (Q(queue__mode=Queue.Mode.CORRECTION) | differs("candidate__interaction", F("interaction"))),
        says="Task {row.pk} in queue {row.queue_id} has candidate {row.candidate_id}: the queue asks something else, "
        "or it is another answer's.",
    ),
    Invariant(
        "an approval of a pair is marked, for it makes no gold answer",
        of=Approval.objects.all(),
        broken=Q(of_pair=True, label__task__candidate=None) | Q(of_pair=False) & ~Q(label__task__candidate=None),
        says="Approval {row.pk} is marked {row.of_pair:d} for a pair, and its task says the other: it counts where it "
        "must not.",
    ),
    Invariant(
        "what became of a suggestion is told by a label of its task",
        of=SuggestionOutcome.objects.all(),
        broken=differs("suggestion__task", F("label__task")),
        says="Outcome {row.pk} of suggestion {row.suggestion_id} names label {row.label_id} of another task: it counts "
        "in the accuracy of a queue that it does not belong to.",
    ),
    Invariant(
        "nobody decided on what was said of a calibration item",
        of=Label.objects.filter(task__calibration=True),
        broken=Q(Exists(Approval.objects.filter(label=OuterRef("pk")))) | ~Q(returned=None),
        says="Label {row.pk} is of a calibration item and was decided on: it counts as truth beside the gold answer.",
    ),
    Invariant(
        "a calibration item is open or closed, for it waits for nobody",
        of=ReviewTask.objects.filter(calibration=True),
        broken=~Q(state__in=[State.OPEN, State.CLOSED]),
        says="Task {row.pk} is a calibration item and {row.state}: nobody is offered it any more.",
    ),
    Invariant(
        "a calibration item has a gold answer",
        of=ReviewTask.objects.filter(calibration=True, state=State.OPEN),
        broken=~Q(Exists(Approval.objects.filter(interaction=OuterRef("interaction")))),
        says="Task {row.pk} is a calibration item without an approved label: what people say of it is compared with "
        "nothing.",
    ),
    Invariant(
        "what is approved judges something",
        of=Approval.objects.all(),
        broken=Q(label__verdict=Label.Verdict.CANNOT_JUDGE),
        says="Approval {row.pk}: label {row.label_id} says that it cannot judge.",
    ),
]
INVARIANTS = [*SEATS, *WORDS, *FOUR_EYES]
