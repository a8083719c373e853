"""From an adapter's bytes down to the people who wrote what it learned, and from an interaction up to every adapter.

Nothing is believed: each step is hashed again from what stands there now.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from annotations.capture.models import Interaction
from annotations.review.models import Approval
from labelhub.errors import Conflict
from training.datasets.canonical import as_chat, label_sha256, row_sha256
from training.datasets.models import DatasetSnapshot, SnapshotRow
from training.datasets.rows import content_sha256, row_id
from training.lm.adapter_files import read_manifest
from training.lm.contract import MANIFEST
from training.lm.files import Refused, sha256_file
from training.runs import store
from training.runs.folders import run_folder
from training.runs.models import ModelVersion, TrainingRun
from training.runs.vouching import breaches


@dataclass(frozen=True)
class RowLineage:
    """One row, and whose words it is. Without an approval: the model's own answer, rehearsed."""

    row: SnapshotRow
    approval: Approval | None
    author: str
    approver: str
    interaction: Interaction | None


@dataclass(frozen=True)
class Lineage:
    """What an adapter came from. `breaches`: every link that does not hold, in words; none when all do."""

    version: ModelVersion
    run: TrainingRun
    snapshot: DatasetSnapshot
    manifest: dict[str, str]
    rows: list[RowLineage]
    breaches: list[str]

    @property
    def people(self) -> set[str]:
        return {name for row in self.rows for name in (row.author, row.approver) if name}


def lineage_of(version: ModelVersion) -> Lineage:
    """Raises Conflict for a version that no run of ours made."""
    run = version.origin
    manifest, of_files = _files(version, run)
    rows = [_lineage(row) for row in _rows(run.snapshot)]
    broken = [*of_files, *_of_rows(run.snapshot, rows), *_of_the_way_back(version, rows)]
    return Lineage(version, run, run.snapshot, manifest, rows, broken)


def lineage_ok(version: ModelVersion) -> list[str]:
    """The breaches of a version; an empty list when every hash and every link holds."""
    return lineage_of(version).breaches


def fed_by(interaction: Interaction) -> list[ModelVersion]:
    """Every version that learned from an interaction, oldest first."""
    return list(
        ModelVersion.objects.filter(run__snapshot__rows__interaction=interaction)
        .select_related("project").distinct().order_by("pk")
    )  # fmt: skip


def _rows(snapshot: DatasetSnapshot) -> list[SnapshotRow]:
    parts = ("approval__label__categories", "approval__label__comments", "approval__label__task__interaction")
    return list(snapshot.rows.with_lineage().prefetch_related(*parts).order_by("position"))


def _lineage(row: SnapshotRow) -> RowLineage:
    approval = row.approval
    author = str(approval.label.author) if approval else ""
    return RowLineage(row, approval, author, str(approval.by) if approval else "", row.interaction)


def _files(version: ModelVersion, run: TrainingRun) -> tuple[dict[str, str], list[str]]:
    """The manifest of the run, and what is wrong with the files that it and the version name."""
    try:
        store.verified(version)
        folder = run_folder(run)
        manifest = read_manifest(folder)
        found = [f"{version}: {breach}" for breach in breaches(run, folder, manifest, version.files)]
        written = sha256_file(folder / MANIFEST)
    except (Conflict, Refused, OSError) as error:
        return {}, [f"{version}: {error}"]
    if written != version.manifest_sha256:
        found.append(f"{version}: its manifest is not the one that was registered")
    return manifest, found


def _of_rows(snapshot: DatasetSnapshot, rows: list[RowLineage]) -> Iterator[str]:
    if content_sha256(snapshot) != snapshot.content_sha256:
        yield f"{snapshot}: its rows together have another hash than when it was made"
    for one in rows:
        yield from (f"{snapshot}, {row_id(one.row)}: {breach}" for breach in _of_row(one))


def _of_row(one: RowLineage) -> Iterator[str]:
    row = one.row
    if row_sha256(row.kind, row.messages, row.completion) != row.row_sha256:
        yield "the row has another hash than when it was made"
    if one.interaction is None:
        yield "its interaction is gone"
    elif row.messages != as_chat(one.interaction.messages):
        yield "its question is not that of the interaction"
    elif one.approval is None and row.completion != one.interaction.output:
        yield "its answer is not that of the interaction"
    if one.approval is not None:
        yield from _of_approval(row, one.approval)


def _of_approval(row: SnapshotRow, approval: Approval) -> Iterator[str]:
    label = approval.label
    if label_sha256(label) != row.label_sha256:
        yield f"label {label.pk} has another hash than when it was used"
    if label.gold != row.completion:
        yield f"label {label.pk} holds another answer for right"
    if label.author_id == approval.by_id:
        yield f"label {label.pk} was approved by its author"
    if approval.interaction_id != row.interaction_id or label.task.interaction_id != row.interaction_id:
        yield f"label {label.pk} is about another interaction"


def _of_the_way_back(version: ModelVersion, rows: list[RowLineage]) -> Iterator[str]:
    """From each interaction up again."""
    fed = ModelVersion.objects.filter(pk=version.pk).values_list("run__snapshot__rows__interaction", flat=True)
    reached = set(fed)
    for one in rows:
        if one.interaction is not None and one.interaction.pk not in reached:
            yield f"interaction {one.interaction.pk} does not lead back to {version}"


__all__ = ["Lineage", "RowLineage", "fed_by", "lineage_of", "lineage_ok"]
