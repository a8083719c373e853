"""What work in a folder says of itself: states, exit codes, progress. Standard library only.

The kernel writes it, whoever started the kernel reads it. What goes into a folder is in `specs`.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from dataclasses import asdict, dataclass, replace
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Any

from training.lm.files import Refused, read_json, write_json

SPEC, STATUS, METRICS, LEFT_OUT, LOG, MANIFEST, CANCEL = (
    "spec.json",
    "status.json",
    "metrics.jsonl",
    "left_out.jsonl",
    "log.txt",
    "MANIFEST.sha256",
    "cancel",
)
ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")


class State(StrEnum):
    STARTING = "starting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


class Exit(IntEnum):
    """The process's exit code. BUSY: another process is at work in the folder, and its status was left alone."""

    SUCCEEDED = 0
    FAILED = 1
    REFUSED = 2
    CANCELLED = 3
    INTERRUPTED = 4
    BUSY = 5


@dataclass(frozen=True, slots=True)
class Status:
    """Where the work in a folder stands. `reason` is in words a person understands."""

    state: State
    step: int = 0
    max_steps: int = 0
    reason: str = ""
    pid: int = 0
    started_at: str = ""
    updated_at: str = ""
    tokens: int = 0
    resumed_from: int | None = None


def now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")


def read_status(folder: Path) -> Status | None:
    """None while nothing has been written. Raises Refused when the file is no status."""
    if not (folder / STATUS).exists():
        return None
    data = read_json(folder / STATUS)
    try:
        return Status(**{**data, "state": State(data["state"])})
    except (TypeError, KeyError, ValueError) as error:
        raise Refused(f"{STATUS} is no status: {error}") from None


def write_status(folder: Path, status: Status) -> Status:
    """Stamps process and time, writes by rename, returns what was written."""
    moment = now()
    stamped = replace(status, pid=os.getpid(), updated_at=moment, started_at=status.started_at or moment)
    write_json(folder / STATUS, asdict(stamped))
    return stamped


def read_metrics(folder: Path, after_step: int = 0) -> list[dict[str, Any]]:
    """The logged steps above `after_step`, oldest first; a line still being written is left out.

    After a resume, steps that were lost are written again under the same numbers: key rows by step.
    """
    path = folder / METRICS
    if not path.exists():
        return []
    whole = path.read_text(encoding="utf-8").rpartition("\n")[0]
    rows = map(_metric, whole.splitlines())
    return [row for row in rows if row is not None and row["step"] > after_step]


def _metric(line: str) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) and isinstance(row.get("step"), int) else None
