"""What was captured, and the scores that it was given."""

from annotations.capture.models.scores import Metric, MetricQuerySet, Score, ScoreQuerySet
from annotations.capture.models.traffic import (
    CapturedQuerySet,
    Feedback,
    FeedbackQuerySet,
    ImportJob,
    Interaction,
    InteractionQuerySet,
    RawPayload,
    Session,
    Watermark,
)

__all__ = [
    "CapturedQuerySet",
    "Feedback",
    "FeedbackQuerySet",
    "ImportJob",
    "Interaction",
    "InteractionQuerySet",
    "Metric",
    "MetricQuerySet",
    "RawPayload",
    "Score",
    "ScoreQuerySet",
    "Session",
    "Watermark",
]
