"""The pages of a project that have to do with what its model answered; and the ways out, as work is held there."""

from allauth.account.views import logout
from django.contrib import admin
from django.urls import include, path

from annotations.guidance import views as guidance
from annotations.review import views as review
from annotations.triage import views as triage

review_pages = [
    path("q/<slug:queue>/", review.queue_desk, name="desk"),
    path("q/<slug:queue>/claim/", review.queue_claim, name="claim"),
    path("q/<slug:queue>/tasks/", review.queue_tasks, name="tasks"),
    path("q/<slug:queue>/tasks/labels/", review.tasks_labels, name="tasks_labels"),
    path("q/<slug:queue>/tasks/assignment/", review.tasks_assignment, name="tasks_assignment"),
    path("q/<slug:queue>/tasks/undo/", review.tasks_undo, name="tasks_undo"),
    path("tasks/<int:pk>/claim/", review.task_claim, name="task_claim"),
    path("tasks/<int:pk>/draft/", review.task_draft, name="draft"),
    path("tasks/<int:pk>/label/", review.task_label, name="label"),
    path("tasks/<int:pk>/skip/", review.task_skip, name="skip"),
    path("tasks/<int:pk>/snooze/", review.task_snooze, name="snooze"),
    path("tasks/<int:pk>/similar/", review.task_similar, name="similar"),
    path("tasks/<int:pk>/preview/", review.task_preview, name="preview"),
    path("tasks/<int:pk>/lease/", review.task_lease, name="lease"),
    path("tasks/<int:pk>/release/", review.task_release, name="release"),
    path("labels/last/", review.label_last, name="label_last"),
    path("labels/<int:pk>/", review.label_detail, name="label_detail"),
    path("labels/<int:pk>/withdrawal/", review.label_withdrawal, name="withdrawal"),
    path("labels/<int:pk>/revision/", review.label_revision, name="revision"),
    path("labels/<int:pk>/calibration/", review.label_calibration, name="calibration"),
    path("agreement/", review.agreement_page, name="agreement"),
    path("comments/<int:pk>/replies/", review.comment_reply, name="reply"),
    path("comments/<int:pk>/resolution/", review.comment_resolution, name="resolution"),
    path("approvals/", review.approvals, name="approvals"),
    path("approvals/all/", review.labels_approvals, name="approve_all"),
    path("approvals/<int:pk>/", review.label_page, name="label_page"),
    path("approvals/<int:pk>/approval/", review.label_approval, name="approval"),
    path("approvals/<int:pk>/return/", review.label_return, name="return"),
    path("adjudications/", review.adjudications, name="adjudications"),
    path("adjudications/<int:pk>/", review.adjudication, name="adjudication"),
]
triage_pages = [
    path("triage/", triage.board, name="board"),
    path("triage/rows/", triage.rows, name="rows"),
    path("triage/views/", triage.view_list, name="views"),
    path("triage/views/<int:pk>/removal/", triage.view_removal, name="view_removal"),
    path("triage/rules/", triage.rule_list, name="rules"),
    path("triage/rules/<int:pk>/", triage.rule_page, name="rule"),
    path("triage/<int:pk>/", triage.case, name="case"),
    path("triage/<int:pk>/route/", triage.session_route, name="route"),
    path("triage/<int:pk>/dismissal/", triage.session_dismissal, name="dismissal"),
    path("triage/<int:pk>/escalation/", triage.session_escalation, name="escalation"),
    path("triage/issues/", triage.issue_list, name="issues"),
    path("triage/issues/<int:pk>/", triage.issue_page, name="issue"),
    path("triage/issues/<int:pk>/sessions.jsonl", triage.issue_sessions, name="issue_sessions"),
    path("triage/<int:pk>/issue/", triage.session_issue, name="session_issue"),
    path("triage/<int:pk>/correction/", triage.session_correction, name="correction"),
    path("triage/<int:pk>/merge/", triage.session_merge, name="merge"),
    path("triage/<int:pk>/take/", triage.session_take, name="take"),
    path("scores/", triage.score_page, name="scores"),
    path("tasks/<int:pk>/flag/", triage.task_flag, name="flag"),
    path("decisions/undo/", triage.decisions_undo, name="decisions_undo"),
    path("decisions/<int:pk>/undo/", triage.decision_undo, name="undo"),
    path("sessions/<int:pk>/", triage.session_page, name="session"),
]
guidance_pages = [
    path("guidance/", guidance.guidance_list, name="list"),
    path("guidance/<int:pk>/approval/", guidance.guidance_approval, name="approval"),
    path("guidance/<int:pk>/retirement/", guidance.guidance_retirement, name="retirement"),
]
urlpatterns = [
    path("accounts/logout/", review.gives_back(logout)),
    path("admin/logout/", review.gives_back(admin.site.admin_view(admin.site.logout))),
    path("p/<slug:slug>/", include((review_pages, "review"))),
    path("p/<slug:slug>/", include((triage_pages, "triage"))),
    path("p/<slug:slug>/", include((guidance_pages, "guidance"))),
]
