"""A snapshot as the lines that the trainer reads."""

from annotations.review.models import Label
from training.datasets.canonical import as_chat, dataset_sha256
from training.datasets.models import DatasetSnapshot, LeftOut, SnapshotRow
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


def rows_to_watch(snapshot: DatasetSnapshot, *, max_length: int, most: int = 24) -> list[Row]:
    """A few approved answers that are kept out to test with: their loss is drawn beside the training loss.

    A text of n bytes has at most n tokens, so what surely fits is known without counting.
    """
    kept_out = snapshot.left_out.filter(reason=LeftOut.Reason.TEST_SPLIT).values("label")
    rows: list[Row] = []
    for label in Label.objects.filter(pk__in=kept_out).select_related("task__interaction").order_by("pk"):
        interaction, gold = label.task.interaction, label.gold
        size = sum(len(m["content"].encode()) + 16 for m in interaction.messages) + len(gold.encode())
        if size < max_length and len(rows) < most:
            rows.append(Row(f"label:{label.pk}", "correction", tuple(as_chat(interaction.messages)), gold))
    return rows
