"""Table of contents."""

from annotations.capture.models import (
    Feedback,
    ImportJob,
    Interaction,
    Metric,
    RawPayload,
    Score,
    Session,
    Watermark,
)
from annotations.guidance.models import Guidance, GuidanceInjection, Injection
from annotations.recall.models import Embedding, EncoderSet
from annotations.review.models import (
    Approval,
    Assignment,
    CalibrationResult,
    Candidate,
    Claim,
    Draft,
    Label,
    LabelCategory,
    Queue,
    Reply,
    Resolution,
    Return,
    ReviewTask,
    SpanComment,
    Suggestion,
    SuggestionOutcome,
    Withdrawal,
)
from annotations.triage.models import Decision, Flag, Rule

__all__ = [
    "Approval", "Assignment", "CalibrationResult", "Candidate", "Claim", "Decision", "Draft", "Embedding",
    "EncoderSet", "Feedback", "Flag", "Guidance", "GuidanceInjection", "ImportJob", "Injection", "Interaction",
    "Label", "LabelCategory", "Metric", "Queue", "RawPayload", "Reply", "Resolution", "Return", "ReviewTask",
    "Rule", "Score", "Session", "SpanComment", "Suggestion", "SuggestionOutcome", "Watermark", "Withdrawal",
]  # fmt: skip
