"""Table of contents."""

from training.datasets.models import DatasetSnapshot, GroupMember, LeftOut, PromptGroup, SnapshotRow
from training.evaluation.models import Case, CaseResult, Evaluation, Suite
from training.registry.models import GateReport, Promotion
from training.runs.models import ModelVersion, RunMetric, TrainingRun

__all__ = [
    "Case", "CaseResult", "DatasetSnapshot", "Evaluation", "GateReport", "GroupMember", "LeftOut", "ModelVersion",
    "Promotion", "PromptGroup", "RunMetric", "SnapshotRow", "Suite", "TrainingRun",
]  # fmt: skip
