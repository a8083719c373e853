"""The two files of an adapter, read as data from a stranger. Standard library only.

Hashes are checked before anything is parsed, the parsed bytes are the hashed ones, and a setting that is
not plain LoRA is refused: nothing in an adapter may name code, a file or a place elsewhere.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training.lm.contract import ADAPTER_FILES, MANIFEST, SPEC
from training.lm.files import Refused, sha256_bytes, sha256_file, write_whole

CONFIG, WEIGHTS = ADAPTER_FILES
MOST_CONFIG, MOST_WEIGHTS = 1 << 16, 1 << 30  # bytes
MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
NEUTRAL: dict[str, tuple[Any, ...]] = {
    "peft_type": ("LORA",),
    "task_type": ("CAUSAL_LM",),
    "base_model_name_or_path": ("base", "", None),
    "bias": ("none",),
    "inference_mode": (True, False),
    "init_lora_weights": (True,),
    "megatron_core": ("megatron.core", None),
    "use_rslora": (False,),
    "qalora_group_size": (16,),
}
READ = {"r", "lora_alpha", "lora_dropout", "target_modules", "peft_version"}


@dataclass(frozen=True, slots=True)
class LoraShape:
    """All that is taken from an adapter's settings."""

    r: int
    alpha: float
    dropout: float
    targets: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As peft and vLLM read it, without a path or a name of where the base came from."""
        return {
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            "base_model_name_or_path": "base",
            "r": self.r,
            "lora_alpha": int(self.alpha) if float(self.alpha).is_integer() else self.alpha,
            "lora_dropout": self.dropout,
            "target_modules": list(self.targets),
            "bias": "none",
            "inference_mode": True,
            "use_rslora": False,
            "use_dora": False,
            "fan_in_fan_out": False,
            "modules_to_save": None,
        }


@dataclass(frozen=True, slots=True)
class AdapterFiles:
    """An adapter that was checked. `weights` are the bytes of a well-formed safetensors file."""

    shape: LoraShape
    weights: bytes = field(repr=False)
    sha256: dict[str, str]


def read_adapter(folder: Path, expected: Mapping[str, str] | None = None) -> AdapterFiles:
    """Raises Refused for a missing, changed, oversized or dangerous file, saying which and why."""
    found = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    if found != sorted(ADAPTER_FILES):
        raise Refused(f"an adapter is a folder with exactly {' and '.join(ADAPTER_FILES)}, not {found}")
    config = _read(folder / CONFIG, MOST_CONFIG)
    weights = _read(folder / WEIGHTS, MOST_WEIGHTS)
    hashes = {CONFIG: sha256_bytes(config), WEIGHTS: sha256_bytes(weights)}
    for name, sha256 in (expected or {}).items():
        if hashes.get(name) != sha256:
            raise Refused(f"{name} is not the file that was registered: its sha256 differs")
    check_safetensors(weights)
    return AdapterFiles(parse_shape(config), weights, hashes)


def parse_shape(config: bytes) -> LoraShape:
    """Raises Refused unless the settings are plain LoRA on named modules."""
    try:
        data = json.loads(config)
    except (ValueError, RecursionError) as error:
        raise Refused(f"{CONFIG} is not valid JSON: {error}") from None
    if not isinstance(data, dict):
        raise Refused(f"{CONFIG} is not a JSON object")
    for key, value in data.items():
        if key in READ:
            continue
        if value not in NEUTRAL.get(key, ()) and (key in NEUTRAL or value not in (None, False, {}, [])):
            raise Refused(f"{CONFIG}: {key} = {json.dumps(value)[:80]} is not allowed in an adapter")
    if data.get("peft_type") != "LORA":
        raise Refused(f"{CONFIG}: peft_type must be LORA")
    return _shape(data)


def _shape(data: dict[str, Any]) -> LoraShape:
    targets = data.get("target_modules")
    named = isinstance(targets, list) and all(isinstance(t, str) and MODULE.fullmatch(t) for t in targets)
    if not named or not targets:
        raise Refused(f"{CONFIG}: target_modules must be a list of plain module names")
    r, alpha, dropout = _number(data, "r"), _number(data, "lora_alpha"), _number(data, "lora_dropout")
    if not r.is_integer() or not 1 <= r <= 1024 or not 0 < alpha <= 1 << 20 or not 0 <= dropout < 1:
        raise Refused(f"{CONFIG}: r, lora_alpha or lora_dropout is out of its range")
    return LoraShape(int(r), alpha, dropout, tuple(sorted(targets or ())))


def _number(data: dict[str, Any], name: str) -> float:
    value = data.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Refused(f"{CONFIG}: {name} must be a number")
    return float(value)


def check_safetensors(data: bytes) -> None:
    """Raises Refused unless `data` is a safetensors file by content, whatever its name."""
    problem = _safetensors_problem(data)
    if problem:
        raise Refused(f"{WEIGHTS} is not a safetensors file: {problem}")


def _safetensors_problem(data: bytes) -> str:
    if len(data) < 8:
        return "it is too short"
    length = int.from_bytes(data[:8], "little")
    if length > min(len(data) - 8, 1 << 24):
        return "its header is longer than the file"
    try:
        header = json.loads(data[8 : 8 + length])
    except (ValueError, RecursionError):
        return "its header is no JSON"
    if not isinstance(header, dict):
        return "its header is no JSON object"
    body = len(data) - 8 - length
    ends = [_span(entry) for name, entry in header.items() if name != "__metadata__"]
    if not ends or None in ends:
        return "its header names no tensors"
    return "" if max(end for end in ends if end is not None) == body else "its tensors are cut off"


def _span(entry: object) -> int | None:
    offsets = entry.get("data_offsets") if isinstance(entry, dict) else None
    whole = isinstance(offsets, list) and len(offsets) == 2 and all(type(o) is int for o in offsets)
    return offsets[1] if whole and offsets is not None and 0 <= offsets[0] <= offsets[1] else None


def _read(path: Path, most: int) -> bytes:
    if path.is_symlink() or not path.is_file():
        raise Refused(f"{path.name} must be a plain file")
    if path.stat().st_size > most:
        raise Refused(f"{path.name} is larger than {most >> 10} KiB")
    return path.read_bytes()


def write_manifest(folder: Path) -> None:
    """Writes the hashes of what a run was and made, in the format of `sha256sum -c`."""
    names = [f"adapter/{name}" for name in ADAPTER_FILES] + [SPEC, "train.jsonl", "eval.jsonl"]
    lines = [f"{sha256_file(folder / name)}  {name}\n" for name in names]
    write_whole(folder / MANIFEST, "".join(lines), durable=True)


def read_manifest(folder: Path) -> dict[str, str]:
    """File name → sha256, every one checked against the file. Raises Refused for the first that differs."""
    try:
        lines = (folder / MANIFEST).read_text(encoding="utf-8").splitlines()
    except OSError:
        raise Refused(f"{MANIFEST} is missing: the run left nothing to register") from None
    hashes = {name: sha256 for sha256, _, name in (line.partition("  ") for line in lines)}
    for name, sha256 in hashes.items():
        path = folder / name
        if ".." in Path(name).parts or not path.is_file() or sha256_file(path) != sha256:
            raise Refused(f"{name} is not the file that the run wrote")
    return hashes
