"""The models that can be asked for by name: the base, and one merged copy for each loaded adapter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from transformers import PreTrainedModel

from training.lm.adapter_files import AdapterFiles, read_adapter
from training.lm.base_model import merged_copy
from training.lm.files import Refused
from training.lm.serve.errors import ApiError, unknown_model

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


@dataclass
class Shelf:
    """`models` is changed by `add` and `remove` only, which the engine runs between steps.

    A merged copy answers as fast as the base; for bases where a copy each costs too much memory, a server
    that mixes adapters takes this one's place. `root`: adapters are loaded from below it, or not at all.
    """

    base_name: str
    models: dict[str, PreTrainedModel]
    root: Path | None
    most: int
    hashes: dict[str, dict[str, str]] = field(default_factory=dict)

    def read(self, name: str, path: str, expected: Mapping[str, str] | None) -> AdapterFiles:
        """The checked files of an adapter. Raises ApiError for a bad name, place, file or hash."""
        if not NAME.fullmatch(name) or name == self.base_name:
            raise ApiError(400, "lora_name must be letters, digits and . _ : - only", param="lora_name")
        if self.root is None:
            raise ApiError(403, "This server was started without a folder of adapters.", "forbidden")
        folder = Path(path).resolve()
        if not folder.is_relative_to(self.root):
            raise ApiError(403, "Adapters are loaded from the server's own folder only.", "forbidden", "lora_path")
        try:
            return read_adapter(folder, expected)
        except Refused as error:
            raise ApiError(400, str(error), "adapter_refused", "lora_path") from error

    def add(self, name: str, files: AdapterFiles) -> bool:
        """False when the very same adapter was there already. Raises ApiError 409 when another one is."""
        if name in self.hashes:
            if self.hashes[name] == files.sha256:
                return False
            raise ApiError(409, f"`{name}` is loaded with other files; unload it first.", "conflict", "lora_name")
        if len(self.hashes) >= self.most:
            raise ApiError(409, f"{self.most} adapters are loaded already; unload one first.", "too_many")
        try:
            self.models[name] = merged_copy(self.models[self.base_name], files)
        except Refused as error:
            raise ApiError(400, str(error), "adapter_refused", "lora_path") from error
        self.hashes[name] = files.sha256
        return True

    def remove(self, name: str) -> None:
        """Answers that are under way are finished. Raises ApiError 404."""
        if name not in self.hashes:
            raise unknown_model(name)
        del self.models[name], self.hashes[name]
