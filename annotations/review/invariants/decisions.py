"""The second person behind every truth, and what each label may say."""

from django.db.models import Exists, F, OuterRef, Q

from annotations.review.models import (
    Approval,
    FirstApproval,
    Label,
    Overruling,
    Queue,
    Return,
    ReviewTask,
    SuggestionOutcome,
)
from labelhub.invariants import Invariant, differs

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
        broken=~Q(state__in=[ReviewTask.State.OPEN, ReviewTask.State.CLOSED]),
        says="Task {row.pk} is a calibration item and {row.state}: nobody is offered it any more.",
    ),
    Invariant(
        "a calibration item has a gold answer",
        of=ReviewTask.objects.filter(calibration=True, state=ReviewTask.State.OPEN),
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
    Invariant(
        "an adjudication settles the task of its labels",
        of=Overruling.objects.all(),
        broken=differs("label__task", F("adjudication__task")) | differs("adjudication__label__task", F("label__task")),
        says="Overruling {row.pk} sets label {row.label_id} aside by an adjudication of another task.",
    ),
    Invariant(
        "nobody adjudicated what they had judged",
        of=Overruling.objects.all(),
        broken=Q(adjudication__by=F("label__author")),
        says="Overruling {row.pk}: adjudication {row.adjudication_id} is by the author of label {row.label_id}, which "
        "it sets aside. Ask somebody else.",
    ),
    Invariant(
        "what was overruled is not approved",
        of=Approval.objects.all(),
        broken=~Q(label__overruling=None),
        says="Approval {row.pk}: label {row.label_id} was overruled, and counts as truth.",
    ),
    Invariant(
        "two approvals are by two people, neither of them the author",
        of=FirstApproval.objects.all(),
        broken=Q(by=F("label__author")) | Q(by=F("label__approval__by")),
        says="First approval {row.pk}: person {row.by_id} wrote label {row.label_id} or has approved it twice.",
    ),
]
