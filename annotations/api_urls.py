"""/api/v1/ of annotations."""

from django.urls import path

from annotations.capture import api as capture
from annotations.guidance import api as guidance
from annotations.review import api as review
from annotations.triage import api as triage

urlpatterns = [
    path("interactions/", capture.interactions),
    path("interactions/batch/", capture.interactions_batch),
    path("interactions/<int:pk>/", capture.interaction),
    path("feedback/", capture.feedback),
    path("feedback/batch/", capture.feedback_batch),
    path("feedback/parked/", capture.feedback_parked),
    path("scores/", capture.scores),
    path("metrics/", capture.metrics),
    path("sessions/flagged/", triage.flagged_sessions),
    path("decisions/", triage.decisions),
    path("decisions/<int:pk>/", triage.decision),
    path("rules/", triage.rules),
    path("rules/<int:pk>/", triage.rule),
    path("issues/", triage.issues),
    path("issues/<int:pk>/", triage.issue),
    path("queues/", review.queues),
    path("queues/<slug:slug>/tasks/", review.queue_tasks),
    path("queues/<slug:slug>/pairs/", review.queue_pairs),
    path("queues/<slug:slug>/assignments/", review.queue_assignments),
    path("queues/<slug:slug>/labels/", review.queue_labels),
    path("queues/<slug:slug>/claim/", review.claim_in_queue),
    path("tasks/<int:pk>/claim/", review.task_claim),
    path("tasks/<int:pk>/draft/", review.task_draft),
    path("tasks/<int:pk>/labels/", review.task_labels),
    path("tasks/<int:pk>/adjudication/", review.task_adjudication),
    path("adjudications/", review.adjudications),
    path("tasks/<int:pk>/flag/", triage.task_flag),
    path("labels/", review.labels),
    path("agreement/", review.agreement_of_caller),
    path("labels/<int:pk>/", review.label),
    path("labels/<int:pk>/approval/", review.label_approval),
    path("labels/<int:pk>/calibration/", review.label_calibration),
    path("labels/<int:pk>/return/", review.label_return),
    path("labels/<int:pk>/withdrawal/", review.label_withdrawal),
    path("labels/<int:pk>/revision/", review.label_revision),
    path("comments/<int:pk>/replies/", review.comment_replies),
    path("comments/<int:pk>/resolution/", review.comment_resolution),
    path("context/", guidance.context),
    path("guidance/", guidance.guidance),
    path("guidance/<int:pk>/approval/", guidance.guidance_approval),
    path("guidance/<int:pk>/retirement/", guidance.guidance_retirement),
]
