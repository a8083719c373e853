"""The models that can be asked for by name: the base, and one merged copy for each loaded adapter."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Set
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

    There is room for `most` adapters; one more takes the place of the one that was not asked for the longest.

    A merged copy answers as fast as the base; for bases where a copy each costs too much memory, a server
    that mixes adapters takes this one's place. `root`: adapters are loaded from below it, or not at all.
    """

    base_name: str
    models: dict[str, PreTrainedModel]
    root: Path | None
    most: int
    hashes: dict[str, dict[str, str]] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)
    clock: Iterator[int] = field(default_factory=itertools.count)

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

    def use(self, name: str) -> None:
        """Somebody asks for it now. Raises ApiError 404."""
        if name not in self.models:
            raise unknown_model(name)
        self.used[name] = next(self.clock)

    def add(self, name: str, files: AdapterFiles, busy: Set[str] = frozenset()) -> bool:
        """False when the very same adapter was there already. `busy`: what is answering, and so must stay.

        Raises ApiError 409 when another adapter has that name, 503 when all places are busy.
        """
        if name in self.hashes:
            if self.hashes[name] == files.sha256:
                self.use(name)
                return False
            raise ApiError(409, f"`{name}` is loaded with other files; unload it first.", "conflict", "lora_name")
        leaving = self._least_used(busy) if len(self.hashes) >= self.most else None
        try:
            model = merged_copy(self.models[self.base_name], files)
        except Refused as error:
            raise ApiError(400, str(error), "adapter_refused", "lora_path") from error
        if leaving is not None:
            self.remove(leaving)
        self.models[name], self.hashes[name] = model, files.sha256
        self.use(name)
        return True

    def _least_used(self, busy: Set[str]) -> str:
        idle = self.hashes.keys() - busy
        if not idle:
            raise ApiError(503, f"All {self.most} adapters are answering; try again.", "overloaded")
        return min(idle, key=self.used.__getitem__)

    def remove(self, name: str) -> None:
        """Answers that are under way are finished. Raises ApiError 404."""
        if name not in self.hashes:
            raise unknown_model(name)
        del self.models[name], self.hashes[name], self.used[name]
