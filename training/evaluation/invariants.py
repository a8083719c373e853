"""What must hold of tests: held-out questions nobody was taught, regression cases for everything ever approved."""

from datetime import timedelta

from django.contrib.postgres.functions import TransactionNow
from django.db.models import Exists, F, Func, Max, OuterRef, Q, TextField

from annotations.capture.models import Interaction
from annotations.guidance.context import GUIDANCE
from annotations.guidance.models import Guidance
from annotations.recall.actions import PROMPT
from annotations.recall.models import Embedding
from annotations.review.models import Approval, Label
from labelhub.invariants import Invariant, differs
from labelhub.projects.models import Project
from training.datasets.canonical import prompt_sha256
from training.datasets.likeness import Asked, near_pairs, remembered
from training.datasets.models import PromptGroup, SnapshotRow
from training.evaluation.cases import CASE
from training.evaluation.models import Case, CaseResult, Evaluation, Suite
from training.runs.invariants import ended_says_when, failed_says_why, looked_after, started_rarely

State, Split = Evaluation.State, PromptGroup.Split
GROWN_AFTER = timedelta(minutes=15)  # suites grow by a follow-up, which needs the encoder
BEGUN_BEFORE = timedelta(minutes=15)  # a snapshot may be under way when a case is added, and knows nothing of it
_TAUGHT = SnapshotRow.objects.filter(
    snapshot__project=OuterRef("suite__project"), prompt_sha256=OuterRef("prompt_sha256")
)
_TAUGHT_WHILE_ASKED = _TAUGHT.filter(snapshot__created_at__lt=OuterRef("retired_at"))
_TAUGHT_SINCE = _TAUGHT.filter(snapshot__created_at__gt=OuterRef("created_at"))
_ANSWER = Func(F("gold"), template=r"regexp_replace(%(expressions)s, '^\s+|\s+$', '', 'g')", output_field=TextField())
_ASKED_BEFORE = Case.objects.asked().filter(
    suite__project=OuterRef("suite__project"), suite__kind=OuterRef("suite__kind"),
    prompt_sha256=OuterRef("prompt_sha256"), pk__lt=OuterRef("pk"),
)  # fmt: skip
_OTHERWISE = _ASKED_BEFORE.alias(answer=_ANSWER).exclude(answer=OuterRef("answer"))
_WITH_ANSWER = Approval.objects.current().exclude(label__verdict=Label.Verdict.FLAWED, label__rewrite="")


def _own_hash(case: Case) -> str:
    if prompt_sha256(case.messages) == case.prompt_sha256:
        return ""
    return f"Case {case.pk} is filed under the hash of another question: retire it and add it again."


def _stands_for(approval: Approval) -> str:
    """A case of the same question stands for it too: one that agrees, or one that a newer approval made."""
    gold = approval.label.gold
    key = prompt_sha256(approval.interaction.messages)
    same = Case.objects.filter(suite__project=approval.project_id, prompt_sha256=key)
    if not gold.strip() or same.filter(Q(gold=gold) | Q(approval__gt=approval.pk)).exists():
        return ""
    return f"Approval {approval.pk} has no case: start a worker and the encoder, suites grow then."


def _held_out_stays_out(project: Project) -> str:
    """Of near-duplicates; questions without a vector are passed over, and those that are equal are looked at above."""
    held = _held_out(project)
    rows = SnapshotRow.objects.filter(snapshot__project=project).order_by()
    newest = dict(rows.values_list("interaction").annotate(Max("snapshot__created_at")))
    interactions = Interaction.objects.filter(pk__in=rows.values("interaction")).defer("documents", "metadata")
    taught = remembered([(row.pk, row.messages) for row in interactions], project, PROMPT)
    for i, j in near_pairs([question for _, question in held], taught, surely=True):
        case, row = held[i][0], taught[j]
        if newest[row.id] > case.created_at + BEGUN_BEFORE:
            return f"Case {case.pk} is held out, and interaction {row.id}, taught since, nearly asks it: retire it."
    return ""


def _held_out(project: Project) -> list[tuple[Case, Asked]]:
    cases = Case.objects.of(project).held_out().asked().order_by("pk")
    captured = {case.interaction_id or 0: case for case in cases if case.interaction_id}
    uploaded = {case.pk: case for case in cases if not case.interaction_id}
    return [
        (by_id[question.id], question)
        for kind, by_id in ((PROMPT, captured), (CASE, uploaded))
        for question in remembered([(pk, case.messages) for pk, case in by_id.items()], project, kind)
    ]


INVARIANTS = [
    Invariant(
        "no held-out question was taught while it was asked",
        of=Case.objects.held_out(),
        broken=Q(approval=None) & (Q(retired_at=None) & Q(Exists(_TAUGHT)) | Q(Exists(_TAUGHT_WHILE_ASKED)))
        | Q(retired_at=None) & Q(Exists(_TAUGHT_SINCE))
        | Q(Exists(_TAUGHT_SINCE.filter(snapshot__created_at__lt=OuterRef("retired_at")))),
        says="Case {row.pk} of suite {row.suite_id} is held out, and a snapshot teaches its question: retire the case.",
    ),
    Invariant(
        "nothing nearly like a held-out question was taught after it was asked",
        of=Project.objects.filter(Exists(Case.objects.held_out().asked().filter(suite__project=OuterRef("pk")))),
        says=_held_out_stays_out,
        slow=True,
    ),
    Invariant(
        "the suites of one kind ask a question with one right answer",
        of=Case.objects.asked().alias(answer=_ANSWER),
        broken=Q(Exists(_OTHERWISE)),
        says="Case {row.pk} of suite {row.suite_id} asks what an older case of the same kind asks, with another right "
        "answer: retire one of them.",
    ),
    Invariant(
        "everything approved with an answer has a case, so that nothing fixed is forgotten unseen",
        of=_WITH_ANSWER.filter(at__lt=TransactionNow() - GROWN_AFTER).select_related(
            "label__task__interaction", "interaction"
        ),
        broken=~Q(Exists(Case.objects.filter(approval=OuterRef("pk")))),
        says=_stands_for,
    ),
    Invariant(
        "a regression case comes from an approval",
        of=Case.objects.regression(),
        broken=Q(approval=None) | Q(interaction=None),
        says="Case {row.pk} of regression suite {row.suite_id} has no approval: retire it.",
    ),
    Invariant(
        "a case asks for the answer that was approved, on the interaction that it names",
        of=Case.objects.exclude(approval=None),
        broken=differs("interaction", F("approval__interaction"))
        | Q(approval__label__verdict=Label.Verdict.GOOD) & ~Q(gold=F("approval__interaction__output"))
        | ~Q(approval__label__verdict=Label.Verdict.GOOD) & ~Q(gold=F("approval__label__rewrite")),
        says="Case {row.pk} asks for another answer than approval {row.approval_id} stands for: retire it.",
    ),
    Invariant(
        "a correction is tested on the side of its split",
        of=Case.objects.exclude(rejected="").exclude(group=None),
        broken=Q(suite__kind=Suite.Kind.REGRESSION, group__split=Split.TEST)
        | Q(suite__kind=Suite.Kind.HELD_OUT, group__split=Split.TRAIN),
        says="Case {row.pk} of group {row.group_id} is in suite {row.suite_id}, on the other side of the split.",
    ),
    Invariant(
        "a case is filed under the hash of its question",
        of=Case.objects.all(),
        says=_own_hash,
        slow=True,
    ),
    Invariant(
        "a case that left its suite says why",
        of=Case.objects.all(),
        broken=Q(retired_at__isnull=False, retired_reason="") | Q(retired_at=None) & ~Q(retired_reason=""),
        says="Case {row.pk} retired at {row.retired_at} for the reason {row.retired_reason!r:.80}.",
    ),
    Invariant(
        "every vector is of a prompt, an instruction or a case that is there",
        of=Embedding.objects.exclude(kind=PROMPT),
        broken=~Q(
            Q(kind=CASE) & Exists(Case.objects.filter(pk=OuterRef("object_id"), suite__project=OuterRef("project")))
            | Q(kind=GUIDANCE) & Exists(Guidance.objects.filter(pk=OuterRef("object_id"), project=OuterRef("project")))
        ),
        says="Embedding {row.pk} is of {row.kind!r:.20} {row.object_id}, which is nothing that is there: delete it.",
    ),
    ended_says_when(Evaluation.objects.all(), [State.QUEUED, State.RUNNING], "an evaluation"),
    failed_says_why(Evaluation.objects.all(), "an evaluation"),
    looked_after(Evaluation.objects.filter(state=State.RUNNING), "an evaluation"),
    started_rarely(Evaluation.objects.all(), Evaluation.MOST_ATTEMPTS, "an evaluation"),
    Invariant(
        "an evaluation has results exactly when it succeeded",
        of=Evaluation.objects.all(),
        broken=Q(state=State.SUCCEEDED) & ~Q(Exists(CaseResult.objects.filter(evaluation=OuterRef("pk"))))
        | ~Q(state=State.SUCCEEDED) & Q(Exists(CaseResult.objects.filter(evaluation=OuterRef("pk")))),
        says="Evaluation {row.pk} is {row.state}, and whether it has results says otherwise: evaluate again.",
    ),
    Invariant(
        "a version has one evaluation under way",
        of=Evaluation.objects.unfinished(),
        broken=Q(Exists(Evaluation.objects.unfinished().filter(version=OuterRef("version"), pk__lt=OuterRef("pk")))),
        says="Evaluation {row.pk} of version {row.version_id} is {row.state} beside another.",
    ),
]
