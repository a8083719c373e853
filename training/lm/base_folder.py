"""Is this folder the base model that was asked for? Standard library only, so that the answer comes first.

Everything is checked before a library that could read weights is even imported.
"""

from __future__ import annotations

from pathlib import Path

from training.lm.files import Refused, read_json, sha256_file

WEIGHTS = "model.safetensors"


def base_sha256(folder: Path) -> str:
    """The identity of a base: the sha256 of its weights. Raises Refused when there are none."""
    if not (folder / WEIGHTS).is_file():
        raise Refused(f"the base model has no {WEIGHTS}")
    return sha256_file(folder / WEIGHTS)


def check_base(folder: Path, sha256: str) -> None:
    """Raises Refused unless the folder holds those weights with a tokenizer and a chat template."""
    check_tokenizer(folder)
    if not (folder / "config.json").is_file():
        raise Refused("the base model has no config.json")
    if "auto_map" in read_json(folder / "config.json"):
        raise Refused("the base model asks for code of its own (auto_map), which is never run")
    if base_sha256(folder) != sha256:
        raise Refused(f"the base model's {WEIGHTS} is not the file that was asked for: its sha256 differs")


def check_tokenizer(folder: Path) -> None:
    """Raises Refused unless the folder can render and count a chat."""
    if not folder.is_dir():
        raise Refused("the base model's folder does not exist")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        if not (folder / name).is_file():
            raise Refused(f"the base model has no tokenizer: {name} is missing")
    inline = read_json(folder / "tokenizer_config.json").get("chat_template")
    if not inline and not (folder / "chat_template.jinja").is_file():
        raise Refused("the base model's tokenizer has no chat template")
