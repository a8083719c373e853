"""Every slice's invariants in the order of the slices, looked at together."""

from collections.abc import Iterator

import annotations.capture.invariants
import annotations.guidance.invariants
import annotations.recall.invariants
import annotations.review.invariants
import annotations.triage.invariants
import labelhub.jobs.invariants
import labelhub.keys.invariants
import labelhub.projects.invariants
import training.datasets.invariants
import training.evaluation.invariants
import training.loop.invariants
import training.registry.invariants
import training.runs.invariants
import training.serving.invariants
from labelhub.invariants import Finding, Invariant, at_one_moment, look

SLICES: dict[str, list[Invariant]] = {
    "labelhub.projects": labelhub.projects.invariants.INVARIANTS,
    "labelhub.keys": labelhub.keys.invariants.INVARIANTS,
    "labelhub.jobs": labelhub.jobs.invariants.INVARIANTS,
    "annotations.capture": annotations.capture.invariants.INVARIANTS,
    "annotations.recall": annotations.recall.invariants.INVARIANTS,
    "annotations.review": annotations.review.invariants.INVARIANTS,
    "annotations.triage": annotations.triage.invariants.INVARIANTS,
    "annotations.guidance": annotations.guidance.invariants.INVARIANTS,
    "training.datasets": training.datasets.invariants.INVARIANTS,
    "training.runs": training.runs.invariants.INVARIANTS,
    "training.evaluation": training.evaluation.invariants.INVARIANTS,
    "training.registry": training.registry.invariants.INVARIANTS,
    "training.serving": training.serving.invariants.INVARIANTS,
    "training.loop": training.loop.invariants.INVARIANTS,
}


def examine(*, quick: bool = False) -> Iterator[tuple[str, Finding]]:
    """(slice, what was found) one after the other, all of the same moment; `quick` leaves out what hashes again."""
    with at_one_moment():
        for slice_, invariants in SLICES.items():
            for invariant in invariants:
                if not (quick and invariant.slow):
                    yield slice_, look(invariant)
