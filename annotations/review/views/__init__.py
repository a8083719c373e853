"""Table of contents: the desk, and the second person's pages."""

from annotations.review.views.approvals import approvals, label_approval, label_page, label_return
from annotations.review.views.desk import (
    label_withdrawal,
    queue_claim,
    queue_desk,
    task_claim,
    task_draft,
    task_label,
    task_lease,
    task_release,
    task_similar,
    task_skip,
)
from annotations.review.views.revision import label_revision

__all__ = [
    "approvals", "label_approval", "label_page", "label_return", "label_revision", "label_withdrawal", "queue_claim",
    "queue_desk", "task_claim", "task_draft", "task_label", "task_lease", "task_release", "task_similar", "task_skip",
]  # fmt: skip
