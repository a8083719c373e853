"""Which checkpoint a run may go on from. Standard library only.

The trainer writes a checkpoint file by file, so one can be found half-written. Its manifest is written
last; without one that holds, the checkpoint is set aside and the one before it is taken.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

from training.lm.files import Refused, read_json, sha256_file, write_json

COMPLETE = "COMPLETE.json"
NAME = re.compile(r"checkpoint-(\d+)")
KEEP = 2


def seal(checkpoint: Path) -> None:
    """Declares `checkpoint` whole: sizes and hashes of its files, flushed to disk before they count."""
    files = {path.name: _facts(path) for path in sorted(checkpoint.iterdir()) if path.name != COMPLETE}
    write_json(checkpoint / COMPLETE, files, durable=True)


def is_whole(checkpoint: Path) -> bool:
    """True when every file is there with the size and hash that were sealed."""
    try:
        files = read_json(checkpoint / COMPLETE)
        return bool(files) and all(_matches(checkpoint / name, facts) for name, facts in files.items())
    except (Refused, OSError, AttributeError, TypeError, KeyError):
        return False


def newest_whole(folder: Path) -> Path | None:
    """The newest whole checkpoint; newer ones that are not whole are renamed to `bad-…`."""
    for checkpoint in reversed(_in_order(folder)):
        if is_whole(checkpoint):
            return checkpoint
        set_aside(checkpoint)
    return None


def set_aside(checkpoint: Path) -> None:
    number = 0
    target = checkpoint.with_name(f"bad-{checkpoint.name}")
    while target.exists():
        number += 1
        target = checkpoint.with_name(f"bad-{checkpoint.name}-{number}")
    checkpoint.rename(target)


def drop_half_made(folder: Path) -> None:
    """Deletes what was being written when a run failed, so that it takes no space."""
    for checkpoint in _in_order(folder):
        if not (checkpoint / COMPLETE).exists():
            shutil.rmtree(checkpoint, ignore_errors=True)


def keep_newest(folder: Path, keep: int = KEEP) -> None:
    """Deletes all but the `keep` newest; call it only once the newest is sealed."""
    for checkpoint in _in_order(folder)[:-keep]:
        # without its manifest a half-deleted checkpoint can never be taken for a whole one
        (checkpoint / COMPLETE).unlink(missing_ok=True)
        shutil.rmtree(checkpoint, ignore_errors=True)


def step_of(checkpoint: Path) -> int:
    match = NAME.fullmatch(checkpoint.name)
    if match is None:
        raise ValueError(f"{checkpoint.name} is no checkpoint")
    return int(match[1])


def _in_order(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if path.is_dir() and NAME.fullmatch(path.name)]
    return sorted(found, key=step_of)


def _facts(path: Path) -> dict[str, Any]:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
    return {"size": path.stat().st_size, "sha256": sha256_file(path)}


def _matches(path: Path, facts: dict[str, Any]) -> bool:
    return bool(path.stat().st_size == facts["size"] and sha256_file(path) == facts["sha256"])
