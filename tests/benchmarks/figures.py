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

    def facts(self) -> dict[str, object]:
        return {
            "value": round(self.value, 2), "unit": self.unit, "reference": round(self.reference, 2),
            "ratio": round(self.ratio, 2), "n": self.n, "about": self.about, **self.more,
        }  # fmt: skip


def percentile(values: Sequence[float], share: float) -> float:
    """The `share`-th percentile, 0 to 100, rounded to hundredths."""
    return round(float(np.percentile(values, share)), 2)


def medians(times: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return {name: percentile(values, 50) for name, values in times.items()}


def goes_to(p50: float, **parts: float) -> dict[str, float]:
    """The milliseconds of parts, each measured by itself, and as `rest` what they leave of `p50`: together they are it."""
    rounded = {name: round(ms, 2) for name, ms in parts.items()}
    return {**rounded, "rest": round(p50 - sum(rounded.values()), 2)}


@dataclass(frozen=True)
class Machine:
    """What else the machine had to do while figures were taken. Make one before, ask it after."""

    load_before: float = field(default_factory=lambda: os.getloadavg()[0])
    before: list[int] = field(default_factory=lambda: ticks())

    def facts(self) -> dict[str, object]:
        """`stolen`: the share of the time wanted that a virtual machine's host gave to others."""
        spent = [after - before for after, before in zip(ticks(), self.before, strict=True)]
        wanted = sum(spent) - spent[3] - spent[4]  # neither idle nor waiting for a disk
        load = [round(self.load_before, 2), round(os.getloadavg()[0], 2)]
        return {"cores": os.cpu_count(), "load_average": load, "stolen": round(spent[7] / max(wanted, 1), 3)}


def ticks() -> list[int]:
    """user, nice, system, idle, iowait, irq, softirq, steal: since the start of the machine."""
    return [int(part) for part in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]


def write(figures: Mapping[str, object], target: Path, *, seed: int, machine: Machine) -> None:
    """As JSON: name → {value, unit, reference, ratio, n, about, …}, or a plain value; `run`: what it was taken on."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    run = {"commit": commit, "seed": seed, **machine.facts()}
    rows = {name: one.facts() if isinstance(one, Figure) else one for name, one in figures.items()}
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps({**rows, "run": run}, indent=1) + "\n")
