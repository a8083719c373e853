"""Verbs on evaluations and on what is asked in them."""

from training.evaluation.actions.evaluations import evaluate

__all__ = ["evaluate"]
