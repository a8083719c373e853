"""Table of contents."""

from training.registry.admin import DatasetSnapshotAdmin, EvaluationAdmin, PromotionAdmin, SuiteAdmin, TrainingRunAdmin
from training.serving.admin import ModelVersionAdmin

__all__ = [
    "DatasetSnapshotAdmin", "EvaluationAdmin", "ModelVersionAdmin", "PromotionAdmin", "SuiteAdmin", "TrainingRunAdmin",
]  # fmt: skip
