"""Where a model lies, and is it the base that was asked for? Standard library only, so that the answer comes first.

Everything is checked before a library that could read weights is even imported.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from training.lm.files import Refused, read_json, sha256_file

WEIGHTS = "model.safetensors"
HUB_ID = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?")


def named_folder(named: str, environment: Mapping[str, str]) -> Path:
    """The folder of that name, or the snapshot of a hub id that was downloaded before; the hub is not asked.

    `environment`: os.environ, which says where the cache is. Raises Refused with how to get what is not there.
    """
    if named and Path(named).is_dir():
        return Path(named).resolve()
    if not HUB_ID.fullmatch(named):
        raise Refused(f"{named!r} is no folder")
    cache = _hub_cache(environment)
    model = cache / f"models--{named.replace('/', '--')}"
    newest = model / "refs" / "main"
    if newest.is_file():
        snapshot = model / "snapshots" / newest.read_text(encoding="utf-8").strip()
        if snapshot.is_dir():
            return snapshot.resolve()
    raise Refused(f"{named} is no folder and is not in {cache}: run `hf download {named}`, or name a folder")


def _hub_cache(environment: Mapping[str, str]) -> Path:
    """Where the hub's own client keeps what it downloads."""
    if "HF_HUB_CACHE" in environment:
        return Path(environment["HF_HUB_CACHE"])
    caches = Path(environment.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return Path(environment.get("HF_HOME", caches / "huggingface")) / "hub"


def base_sha256(folder: Path) -> str:
    """The identity of a base: the sha256 of its weights. Raises Refused when there are none."""
    _ensure_weights(folder)
    return sha256_file(folder / WEIGHTS)


def _ensure_weights(folder: Path) -> None:
    if not (folder / WEIGHTS).is_file():
        raise Refused(f"the base model has no {WEIGHTS}")


def check_base(folder: Path, sha256: str | None) -> None:
    """Raises Refused unless the folder holds those weights (None: any) with a tokenizer and a chat template."""
    check_tokenizer(folder)
    if not (folder / "config.json").is_file():
        raise Refused("the base model has no config.json")
    if "auto_map" in read_json(folder / "config.json"):
        raise Refused("the base model asks for code of its own (auto_map), which is never run")
    if sha256 is None:
        _ensure_weights(folder)
    elif base_sha256(folder) != sha256:
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
