"""Table of contents: the desk, and the second person's pages."""

from annotations.review.views.adjudications import adjudication, adjudications
from annotations.review.views.agreement import agreement_page
from annotations.review.views.approvals import approvals, label_approval, label_page, label_return, labels_approvals
from annotations.review.views.bulk import queue_tasks, tasks_assignment, tasks_labels, tasks_undo
from annotations.review.views.calibration import label_calibration
from annotations.review.views.desk import (
    label_withdrawal,
    queue_claim,
    queue_desk,
    task_claim,
    task_draft,
    task_label,
    task_lease,
    task_preview,
    task_release,
    task_similar,
    task_skip,
    task_snooze,
)
from annotations.review.views.revision import label_revision
from annotations.review.views.sign_out import gives_back
from annotations.review.views.threads import comment_reply, comment_resolution, label_detail, label_last

__all__ = [
    "adjudication", "adjudications", "agreement_page", "approvals", "comment_reply", "comment_resolution",
    "gives_back", "label_approval", "label_calibration", "label_detail", "label_last", "label_page",
    "label_return", "label_revision", "label_withdrawal", "labels_approvals", "queue_claim", "queue_desk",
    "queue_tasks", "task_claim", "task_draft", "task_label", "task_lease", "task_preview", "task_release",
    "task_similar", "task_skip", "task_snooze", "tasks_assignment", "tasks_labels", "tasks_undo",
]  # fmt: skip
