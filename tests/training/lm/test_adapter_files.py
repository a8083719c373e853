"""An adapter is data from a stranger until it was checked."""

from __future__ import annotations

import json
import pickle
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.training.lm.tiny import ROOT
from training.lm.adapter_files import CONFIG, WEIGHTS, LoraShape, read_adapter, read_manifest, write_manifest
from training.lm.files import Refused, sha256_file, write_whole

SHAPE = LoraShape(4, 8.0, 0.0, ("q_proj", "v_proj"))


def safetensors(**over: Any) -> bytes:
    entry = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **over}
    header = json.dumps({"a": entry}).encode()
    return struct.pack("<Q", len(header)) + header + b"\0" * 8


def write(folder: Path, weights: bytes | None = None, **over: Any) -> Path:
    folder.mkdir(exist_ok=True)
    config = {**SHAPE.to_json(), **over}
    (folder / CONFIG).write_text(json.dumps({key: value for key, value in config.items() if value is not ...}))
    (folder / WEIGHTS).write_bytes(safetensors() if weights is None else weights)
    return folder


def test_a_plain_adapter_is_read_with_its_hashes(tmp_path: Path):
    files = read_adapter(write(tmp_path / "a"))
    assert files.shape == SHAPE
    assert files.sha256 == {name: sha256_file(tmp_path / "a" / name) for name in (CONFIG, WEIGHTS)}


@pytest.mark.bar("S9", "3a-45")
@pytest.mark.parametrize(
    "over",
    [
        {"auto_mapping": {"base_model_class": "os", "parent_library": "os"}},
        {"base_model_name_or_path": "/etc/passwd"},
        {"base_model_name_or_path": "someone/model"},
        {"revision": "main"},
        {"peft_type": "PROMPT_TUNING"},
        {"peft_type": ...},
        {"modules_to_save": ["lm_head"]},
        {"target_modules": "(a+)+$"},
        {"target_modules": ["../x"]},
        {"target_modules": []},
        {"task_type": "SEQ_CLS"},
        {"megatron_config": {"a": 1}},
        {"layer_replication": [[0, 9]]},
        {"use_dora": True},
        {"bias": "all"},
        {"custom_thing": "__import__('os')"},
        {"r": 0},
        {"r": 1 << 30},
        {"r": True},
        {"lora_alpha": "32"},
        {"lora_alpha": float("inf")},
        {"lora_dropout": 2},
    ],
    ids=lambda over: next(iter(over)),
)
def test_a_setting_that_is_not_plain_lora_is_refused(tmp_path: Path, over: dict[str, Any]):
    with pytest.raises(Refused, match=CONFIG):
        read_adapter(write(tmp_path / "a", **over))


def hostile_weights() -> dict[str, bytes]:
    class Bomb:
        def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
            import os

            return os.system, ("touch /tmp/pwned",)

    return {
        "pickle": pickle.dumps(Bomb()),
        "old pickle": pickle.dumps(Bomb(), protocol=0),
        "zip": b"PK\x03\x04" + b"\0" * 64,
        "gguf": b"GGUF" + b"\0" * 64,
        "empty": b"",
        "short": b"\x08",
        "long header": struct.pack("<Q", 1 << 60) + b"{}",
        "header is no json": struct.pack("<Q", 4) + b"cos\n",
        "header is a list": struct.pack("<Q", 2) + b"[]",
        "deep header": struct.pack("<Q", 200_000) + b"[" * 200_000,
        "no tensors": struct.pack("<Q", 2) + b"{}",
        "cut off": safetensors()[:-1],
        "too long": safetensors() + b"\0",
        "negative": safetensors(data_offsets=[-8, 8]),
        "backwards": safetensors(data_offsets=[8, 0]),
        "text offsets": safetensors(data_offsets=["0", "8"]),
        "no offsets": safetensors(data_offsets=None),
    }


@pytest.mark.bar("S9", "3a-44")
@pytest.mark.parametrize("name", hostile_weights())
def test_weights_are_judged_by_content_not_by_name(tmp_path: Path, name: str):
    with pytest.raises(Refused, match="safetensors"):
        read_adapter(write(tmp_path / "a", hostile_weights()[name]))


@pytest.mark.bar("S9", "3a-44")
@pytest.mark.parametrize("extra", ["adapter_model.bin", "weights.pt", "x.pkl", "modeling_custom.py", "README.md"])
def test_a_file_that_does_not_belong_is_refused(tmp_path: Path, extra: str):
    folder = write(tmp_path / "a")
    (folder / extra).write_bytes(b"")
    with pytest.raises(Refused, match="exactly"):
        read_adapter(folder)


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path):
    folder = write(tmp_path / "a")
    (tmp_path / "elsewhere").write_bytes((folder / WEIGHTS).read_bytes())
    (folder / WEIGHTS).unlink()
    (folder / WEIGHTS).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Refused, match="plain file"):
        read_adapter(folder)


def test_a_hash_that_differs_is_told_before_the_content_is_looked_at(tmp_path: Path):
    folder = write(tmp_path / "a", pickle.dumps({}))
    with pytest.raises(Refused, match=f"{WEIGHTS} is not the file that was registered"):
        read_adapter(folder, {WEIGHTS: "0" * 64})


@pytest.mark.bar("S9")
def test_reading_hostile_adapters_runs_nothing(tmp_path: Path):
    """An audit hook counts what only code from the data could cause."""
    for number, weights in enumerate(hostile_weights().values()):
        write(tmp_path / f"w{number}", weights)
    write(tmp_path / "c1", auto_mapping={"parent_library": "os"})
    write(tmp_path / "c2", base_model_name_or_path="someone/model")
    write(tmp_path / "c3", revision="main")
    code = """
import pathlib, sys
from training.lm.adapter_files import read_adapter
from training.lm.files import Refused
seen = []
watched = ("pickle.find_class", "exec", "os.system", "subprocess.Popen", "socket.connect", "os.posix_spawn", "import")
sys.addaudithook(lambda event, _: seen.append(event) if event in watched else None)
refused = 0
for folder in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    try:
        read_adapter(folder)
    except Refused:
        refused += 1
print(refused, seen)
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "20 []"


def test_a_manifest_vouches_for_every_file_and_notices_a_changed_one(tmp_path: Path):
    write(tmp_path / "adapter")
    for name in ("spec.json", "train.jsonl", "eval.jsonl"):
        write_whole(tmp_path / name, "{}\n")
    write_manifest(tmp_path)
    assert set(read_manifest(tmp_path)) == {
        f"adapter/{CONFIG}",
        f"adapter/{WEIGHTS}",
        "spec.json",
        "train.jsonl",
        "eval.jsonl",
    }
    assert subprocess.run(["sha256sum", "-c", "--quiet", "MANIFEST.sha256"], cwd=tmp_path, check=False).returncode == 0
    (tmp_path / "train.jsonl").write_text("{} \n")
    with pytest.raises(Refused, match=r"train\.jsonl"):
        read_manifest(tmp_path)
