"""Triage over HTTP: what the board, the rules and the issues do, under the same rules. A table of contents."""

from annotations.triage.api.rules import issue, issues, rule, rules
from annotations.triage.api.sessions import decision, decisions, flagged_sessions, task_flag

__all__ = ["decision", "decisions", "flagged_sessions", "issue", "issues", "rule", "rules", "task_flag"]
