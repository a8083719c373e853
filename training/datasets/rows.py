"""A snapshot as the lines that the trainer reads."""

from training.datasets.canonical import dataset_sha256
from training.datasets.models import DatasetSnapshot, SnapshotRow
from training.lm.rows import Row


def row_id(row: SnapshotRow) -> str:
    """What a run's log and refusals call it: label:<id>, or interaction:<id> where nobody judged."""
    return row.source if row.approval_id else f"interaction:{row.interaction_id}"


def as_row(row: SnapshotRow) -> Row:
    return Row(row_id(row), row.kind, tuple(row.messages), row.completion)


def as_rows(snapshot: DatasetSnapshot) -> list[Row]:
    return [as_row(row) for row in snapshot.rows.order_by("position")]


def content_sha256(snapshot: DatasetSnapshot) -> str:
    """Computed from the rows as they are now; equal to `snapshot.content_sha256` as long as nobody touched them."""
    return dataset_sha256(as_rows(snapshot))
