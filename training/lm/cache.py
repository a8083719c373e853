"""A key-value cache with spare room: a new token is written in place instead of copying all before it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedConfig
from transformers.cache_utils import DynamicLayer

ROOM = 32  # tokens


class RoomyLayer(DynamicLayer):
    """Keys and values [B, heads, T, D], views of a buffer that grows by `ROOM` tokens at a time."""

    _buffers: tuple[Tensor, Tensor] | None = None

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        old = self.get_seq_length()
        new = old + key_states.shape[-2]
        if self._buffers is None or self._buffers[0].shape[-2] < new:
            self._buffers = (_grown(self.keys, key_states, old), _grown(self.values, value_states, old))
        for buffer, states in zip(self._buffers, (key_states, value_states), strict=True):
            buffer[:, :, old:new] = states
        self.keys, self.values = (buffer[:, :, :new] for buffer in self._buffers)
        return self.keys, self.values

    def batch_select_indices(self, indices: Tensor) -> None:
        super().batch_select_indices(indices)  # type: ignore[no-untyped-call]
        self._buffers = None


def _grown(kept: Tensor | None, states: Tensor, old: int) -> Tensor:
    batch, heads, added, width = states.shape
    buffer = torch.empty(batch, heads, old + added + ROOM, width, dtype=states.dtype)
    if kept is not None and old:
        buffer[:, :, :old] = kept
    return buffer


def roomy_cache(config: PreTrainedConfig) -> DynamicCache:
    """An empty cache for one group of prompts; layers of other kinds than full attention stay as they are."""
    cache = DynamicCache(config=config)
    roomy: Any = RoomyLayer
    cache.layers = [roomy() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache
