"""Files that are whole or absent: atomic writes, hashes, JSON lines. Standard library only."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any


class Refused(Exception):
    """What was handed in cannot be worked on; nothing was trained. The message is for a person."""


def sha256_bytes(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_whole(path: Path, text: str, *, durable: bool = False) -> None:
    """Readers see the old content or the new one, never a part."""
    tmp = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with tmp.open("w", encoding="utf-8", newline="") as stream:
            stream.write(text)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        os.replace(tmp, path)
    finally:
        tmp.unlink(missing_ok=True)


def write_json(path: Path, data: object, *, durable: bool = False) -> None:
    write_whole(path, json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False) + "\n", durable=durable)


def to_lines(rows: Iterable[dict[str, Any]]) -> str:
    """The JSON lines of `rows`: the same rows always give the same bytes."""
    return "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)


def read_json(path: Path) -> Any:
    """Raises Refused when the file is missing or is no JSON (NaN and infinities are none)."""
    try:
        return json.loads(path.read_bytes(), parse_constant=_no_constant)
    except FileNotFoundError:
        raise Refused(f"{path.name} is missing") from None
    except (ValueError, RecursionError) as error:
        raise Refused(f"{path.name} is not valid JSON: {error}") from None


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """One object a line, blank lines skipped. Raises Refused naming the line that is something else."""
    try:
        stream = path.open("rb")
    except FileNotFoundError:
        raise Refused(f"{path.name} is missing") from None
    with stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line, parse_constant=_no_constant)
            except (ValueError, RecursionError) as error:
                raise Refused(f"{path.name} line {number} is not valid JSON: {error}") from None
            if not isinstance(row, dict):
                raise Refused(f"{path.name} line {number} is not a JSON object")
            yield row


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")
