"""What was submitted: comments on their stretches, categories of one taxonomy, words as they are stored."""

from django.db.models import Exists, F, Func, OuterRef, Q, TextField
from django.db.models.functions import Right, Substr

from annotations.review.models import (
    Label,
    LabelCategory,
    SpanComment,
)
from annotations.review.spans import CONTEXT
from labelhub.invariants import Invariant, carriage_return_in, differs

_OUTPUT = "label__task__interaction__output"
_BEFORE = Func(F(_OUTPUT), F("start"), function="left", output_field=TextField())

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
