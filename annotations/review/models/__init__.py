"""Judging outputs: the work, and the labels that come of it."""

from annotations.review.models.labels import (
    Approval,
    CalibrationResult,
    Label,
    LabelCategory,
    LabelQuerySet,
    Reply,
    Resolution,
    Return,
    SpanComment,
    Withdrawal,
)
from annotations.review.models.pairs import Candidate
from annotations.review.models.suggestions import Suggestion, SuggestionOutcome
from annotations.review.models.work import Assignment, Claim, Draft, Queue, ReviewTask

__all__ = [
    "Approval", "Assignment", "CalibrationResult", "Candidate", "Claim", "Draft", "Label", "LabelCategory", 
    "LabelQuerySet", "Queue", "Reply", "Resolution", "Return", "ReviewTask", "SpanComment", "Suggestion",
    "SuggestionOutcome", "Withdrawal",
]  # fmt: skip
