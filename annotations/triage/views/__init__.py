"""Pages of triage."""

from annotations.triage.views.corrections import session_correction, session_merge
from annotations.triage.views.issues import issue_list, issue_page, issue_sessions, session_issue
from annotations.triage.views.rules import rule_list, rule_page
from annotations.triage.views.saved_views import view_list, view_removal
from annotations.triage.views.scores import score_page
from annotations.triage.views.sessions import (
    board,
    case,
    decision_undo,
    decisions_undo,
    rows,
    session_dismissal,
    session_escalation,
    session_page,
    session_route,
    session_take,
    task_flag,
)

__all__ = [
    "board", "case", "decision_undo", "decisions_undo", "issue_list", "issue_page", "issue_sessions", "rows",
    "rule_list", "rule_page", "score_page", "session_correction", "session_dismissal", "session_escalation",
    "session_issue", "session_merge", "session_page", "session_route", "session_take", "task_flag", "view_list",
    "view_removal",
]  # fmt: skip
