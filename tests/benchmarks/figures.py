"""What a benchmark gives: a figure beside its bare reference, taken in the same run."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Figure:
    """`reference` is what the same work costs without LabelHub around it: the very SQL through bare psycopg."""

    value: float
    unit: str  # events/s, or ms
    reference: float
    n: int
    about: str
    more: dict[str, object] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """How many times slower than the reference, 1.07 being 7 % slower: for times and for rates alike."""
        slow, fast = (self.reference, self.value) if self.unit.endswith("/s") else (self.value, self.reference)
        return slow / fast if fast else float("nan")


def percentile(values: Sequence[float], share: float) -> float:
    """The `share`-th percentile, 0 to 100, rounded to hundredths."""
    return round(float(np.percentile(values, share)), 2)


def write(figures: Mapping[str, Figure], target: Path, *, seed: int, load_before: float) -> None:
    """As JSON: name → {value, unit, reference, ratio, n, about, …}, and `run`: what it was taken on."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    run = {"commit": commit, "seed": seed, "cores": os.cpu_count(), "load_average": [load_before, os.getloadavg()[0]]}
    rows = {
        name: {
            "value": round(figure.value, 2), "unit": figure.unit, "reference": round(figure.reference, 2),
            "ratio": round(figure.ratio, 2), "n": figure.n, "about": figure.about, **figure.more,
        }
        for name, figure in figures.items()
    }  # fmt: skip
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps({**rows, "run": run}, indent=1) + "\n")
