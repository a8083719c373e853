"""Judging outputs: the work, the labels that come of it, and what becomes of those."""

from annotations.review.models.decided import (
    Adjudication,
    Approval,
    ApprovalQuerySet,
    CalibrationResult,
    FirstApproval,
    Ground,
    Overruling,
    Return,
    Withdrawal,
)
from annotations.review.models.labels import Label, LabelCategory, LabelQuerySet, Reply, Resolution, SpanComment
from annotations.review.models.pairs import Candidate
from annotations.review.models.queues import Queue
from annotations.review.models.suggestions import Suggestion, SuggestionOutcome
from annotations.review.models.work import Assignment, Claim, Draft, ReviewTask

__all__ = [
    "Adjudication",
    "Approval",
    "ApprovalQuerySet",
    "Assignment",
    "CalibrationResult",
    "Candidate",
    "Claim",
    "Draft",
    "FirstApproval",
    "Ground",
    "Label",
    "LabelCategory",
    "LabelQuerySet",
    "Overruling",
    "Queue",
    "Reply",
    "Resolution",
    "Return",
    "ReviewTask",
    "SpanComment",
    "Suggestion",
    "SuggestionOutcome",
    "Withdrawal",
]  # fmt: skip
