"""Review over HTTP: what the desk and the approval page do, under the same rules. A table of contents."""

from annotations.review.api.adjudications import adjudications, task_adjudication
from annotations.review.api.judgements import (
    agreement_of_caller,
    comment_replies,
    comment_resolution,
    label,
    label_approval,
    label_calibration,
    label_return,
    label_revision,
    label_withdrawal,
    labels,
)
from annotations.review.api.tasks import (
    task_claim,
    task_draft,
    task_labels,
)
from annotations.review.api.work import (
    claim_in_queue,
    queue_assignments,
    queue_labels,
    queue_pairs,
    queue_tasks,
    queues,
)

__all__ = [
    "adjudications", "agreement_of_caller", "claim_in_queue", "comment_replies", "comment_resolution", "label",
    "label_approval", "label_calibration", "label_return", "label_revision", "label_withdrawal", "labels",
    "queue_assignments", "queue_labels", "queue_pairs", "queue_tasks", "queues", "task_adjudication", "task_claim",
    "task_draft", "task_labels",
]  # fmt: skip
