"""What must hold of what models are taught: approved words, unchanged since, nothing that is kept out to test with."""

from typing import Any

from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Cast, Coalesce, Concat

from annotations.review.models import Label
from labelhub.invariants import Invariant, differs
from labelhub.projects.models import Project
from training.datasets.build import most_of_a_source
from training.datasets.canonical import as_chat, label_sha256, prompt_sha256, row_sha256
from training.datasets.groups import straddling
from training.datasets.models import DatasetSnapshot, GroupMember, LeftOut, PromptGroup, SnapshotRow
from training.datasets.rows import content_sha256

Kind = SnapshotRow.Kind
Good = Label.Verdict.GOOD
_JUDGED = SnapshotRow.objects.exclude(approval=None)
_WITH_LABELS = _JUDGED.select_related("approval__label").prefetch_related(
    "approval__label__categories", "approval__label__comments"
)
_MEMBER = GroupMember.objects.filter(project=OuterRef("snapshot__project"), prompt_sha256=OuterRef("prompt_sha256"))


def _number_of(rows: QuerySet[Any]) -> Coalesce:
    """Of a snapshot."""
    counted = rows.filter(snapshot=OuterRef("pk")).order_by().values("snapshot").annotate(n=Count("pk"))
    return Coalesce(Subquery(counted.values("n")), 0)


_TAUGHT = _JUDGED.filter(snapshot=OuterRef(OuterRef("pk"))).values("prompt_sha256")
_FULLEST_GROUP = (
    GroupMember.objects.filter(project=OuterRef("project"), prompt_sha256__in=_TAUGHT)
    .order_by().values("group").annotate(n=Count("pk")).order_by("-n", "group")
)  # fmt: skip
_OVER = LeftOut.objects.filter(reason=LeftOut.Reason.OVER_CAP)
_WITH_SOURCES = DatasetSnapshot.objects.annotate(
    taught=_number_of(SnapshotRow.objects.all()),
    over=_number_of(_OVER),
    fullest=Subquery(_FULLEST_GROUP.values("group")[:1]),
    filled=Subquery(_FULLEST_GROUP.values("n")[:1]),
)


def _own_hashes(row: SnapshotRow) -> str:
    if row_sha256(row.kind, row.messages, row.completion) != row.row_sha256:
        return (
            f"Row {row.position} of snapshot {row.snapshot_id} has another hash than when it was made: take a new one."
        )
    if prompt_sha256(row.messages) != row.prompt_sha256:
        return f"Row {row.position} of snapshot {row.snapshot_id} is filed under the hash of another question."
    return ""


def _same_content(snapshot: DatasetSnapshot) -> str:
    if content_sha256(snapshot) == snapshot.content_sha256:
        return ""
    return f"Snapshot {snapshot.pk} ({snapshot} of its project) holds other rows than when it was made: take a new one."


def _same_label(row: SnapshotRow) -> str:
    approval = row.approval
    if approval is None or label_sha256(approval.label) == row.label_sha256:
        return ""
    return (
        f"Label {approval.label_id} changed after row {row.position} of snapshot {row.snapshot_id} was made of it: "
        "retrain the versions that learned it."
    )


def _same_question(row: SnapshotRow) -> str:
    if row.interaction is None or row.messages == as_chat(row.interaction.messages):
        return ""
    return f"Row {row.position} of snapshot {row.snapshot_id} asks otherwise than interaction {row.interaction_id}."


def _within_the_cap(snapshot: Any) -> str:
    """What is over the cap was a candidate too: a group of near-duplicates may fill so much and no more."""
    most = most_of_a_source(snapshot.taught + snapshot.over)
    if (snapshot.filled or 0) <= most:
        return ""
    return (
        f"Group {snapshot.fullest} of nearly the same question gives {snapshot.filled} rows of snapshot {snapshot.pk}, "
        f"{most} are allowed: look who asked so often."
    )


def _on_one_side(project: Project) -> str:
    found = straddling(project)
    if not found:
        return ""
    one, other = found[0]
    return (
        f"Interaction {one.id} asks nearly what interaction {other.id} asks, and only one of them is kept out to test "
        f"with: in project {project.pk} that is so of {len(found)} pairs. Retire their cases."
    )


INVARIANTS = [
    Invariant(
        "a row's hashes are those of its content",
        of=SnapshotRow.objects.all(),
        says=_own_hashes,
        slow=True,
    ),
    Invariant(
        "a snapshot's hash is that of its rows",
        of=DatasetSnapshot.objects.all(),
        says=_same_content,
        slow=True,
    ),
    Invariant(
        "a label is as it was when it became a row",
        of=_WITH_LABELS,
        says=_same_label,
        slow=True,
    ),
    Invariant(
        "a row asks what its interaction asked",
        of=SnapshotRow.objects.select_related("interaction"),
        says=_same_question,
        slow=True,
    ),
    Invariant(
        "a snapshot's rows are numbered from one without a gap",
        of=DatasetSnapshot.objects.alias(n=Count("rows"), lowest=Min("rows__position"), highest=Max("rows__position")),
        broken=Q(n=0) | ~Q(lowest=1) | ~Q(highest=F("n")),
        says="Snapshot {row.pk} has no rows, or a gap between them: take a new one.",
    ),
    Invariant(
        "a row comes from an approval, or is marked as rehearsed",
        of=SnapshotRow.objects.alias(named=Concat(Value("label:"), Cast("approval__label", TextField()))),
        broken=Q(kind=Kind.REHEARSAL)
        & (Q(approval__isnull=False) | ~Q(label_sha256="") | ~Q(source__startswith="version:"))
        | ~Q(kind=Kind.REHEARSAL) & (Q(approval=None) | Q(label_sha256="") | ~Q(source=F("named"))),
        says="Row {row.position} of snapshot {row.snapshot_id}, a {row.kind} of {row.source}, has approval "
        "{row.approval_id}: nobody can tell who stands behind it.",
    ),
    Invariant(
        "a row is about the answer that was approved",
        of=SnapshotRow.objects.all(),
        broken=Q(interaction=None) | differs("interaction", F("approval__interaction")),
        says="Row {row.position} of snapshot {row.snapshot_id} names interaction {row.interaction_id}, its approval "
        "{row.approval_id} another.",
    ),
    Invariant(
        "a row teaches what its label holds for right",
        of=SnapshotRow.objects.exclude(interaction=None),
        broken=Q(kind__in=[Kind.GOOD, Kind.REHEARSAL]) & ~Q(completion=F("interaction__output"))
        | Q(kind=Kind.GOOD) & ~Q(approval__label__verdict=Good)
        | Q(kind__in=[Kind.CORRECTION, Kind.REPLAY]) & ~Q(completion=F("approval__label__rewrite")),
        says="Row {row.position} of snapshot {row.snapshot_id} teaches other words than approval {row.approval_id} "
        "stands for.",
    ),
    Invariant(
        "a snapshot asks each question once",
        of=SnapshotRow.objects.all(),
        broken=Q(
            Exists(
                SnapshotRow.objects.filter(
                    snapshot=OuterRef("snapshot"), prompt_sha256=OuterRef("prompt_sha256"), pk__lt=OuterRef("pk")
                )
            )
        ),
        says="Row {row.position} of snapshot {row.snapshot_id} asks what an earlier row asks.",
    ),
    Invariant(
        "what is kept out to test with is in no row",
        of=_JUDGED,
        broken=Q(Exists(_MEMBER.filter(group__split=PromptGroup.Split.TEST))),
        says="Row {row.position} of snapshot {row.snapshot_id} teaches a question of the test split: figures of its "
        "versions flatter them.",
    ),
    Invariant(
        "no cluster of nearly the same question fills more of a snapshot than one source may",
        of=_WITH_SOURCES,
        says=_within_the_cap,
    ),
    Invariant(
        "what was left out of a snapshot is not among its rows",
        of=LeftOut.objects.exclude(approval=None),
        broken=Q(Exists(SnapshotRow.objects.filter(snapshot=OuterRef("snapshot"), approval=OuterRef("approval")))),
        says="Approval {row.approval_id} is a row of snapshot {row.snapshot_id} and was left out of it ({row.reason}).",
    ),
    Invariant(
        "a question is in one group, which has one split",
        of=GroupMember.objects.all(),
        broken=Q(
            Exists(
                GroupMember.objects.filter(
                    project=OuterRef("project"), prompt_sha256=OuterRef("prompt_sha256"), pk__lt=OuterRef("pk")
                )
            )
        ),
        says="Group {row.group_id} holds a question that another group holds too: it may be taught and tested.",
    ),
    Invariant(
        "a group is named by its first question, which gave it its split",
        of=PromptGroup.objects.all(),
        broken=~Q(Exists(GroupMember.objects.filter(group=OuterRef("pk"), prompt_sha256=OuterRef("key_sha256")))),
        says="Group {row.pk} does not hold the question that its split was drawn from.",
    ),
    Invariant(
        "questions that are nearly the same share a split",
        of=Project.objects.filter(Exists(GroupMember.objects.filter(project=OuterRef("pk")))),
        says=_on_one_side,
        slow=True,
    ),
]
