"""The process that turns texts into vectors: started by the server, ends with it.

It speaks over one inherited socket: a JSON request, then a JSON head and the vectors as fp32 bytes.
"""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import AutoModel, PreTrainedModel

from training.lm.files import Refused, read_json
from training.lm.parent import end_with_parent

BATCH = 32
POOLINGS = {"pooling_mode_cls_token": "cls", "pooling_mode_mean_tokens": "mean"}


@dataclass(frozen=True, slots=True)
class Shape:
    """How a sentence-transformers folder wants its vectors made."""

    pooling: str
    normalise: bool
    longest: int


def read_shape(folder: Path) -> Shape:
    """Raises Refused for a folder whose modules say something that is not done here."""
    modules = read_json(folder / "modules.json")
    kinds = {str(module["type"]).rpartition(".")[2]: str(module["path"]) for module in modules}
    if set(kinds) - {"Normalize"} != {"Transformer", "Pooling"}:
        raise Refused(f"the encoder has modules that are not supported: {', '.join(kinds)}")
    pooling = read_json(folder / kinds["Pooling"] / "config.json")
    wanted = [name for name, value in pooling.items() if name.startswith("pooling_mode") and value is True]
    if len(wanted) != 1 or wanted[0] not in POOLINGS:
        raise Refused(f"the encoder's pooling is not supported: {', '.join(wanted)}")
    longest = int(read_json(folder / "sentence_bert_config.json").get("max_seq_length") or 512)
    return Shape(POOLINGS[wanted[0]], "Normalize" in kinds, longest)


class Embedder:
    """Texts → vectors, pooled and normalised as the folder says. Longer texts are cut at its limit."""

    def __init__(self, folder: Path) -> None:
        self.shape = read_shape(folder)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(self.shape.longest)
        self._model: PreTrainedModel = AutoModel.from_pretrained(
            str(folder),
            dtype=torch.float32,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
        )
        self._model.train(False)
        self.dimensions = int(self._model.config.hidden_size)

    @torch.inference_mode()
    def embed(self, texts: list[str]) -> tuple[Tensor, list[int]]:
        """Vectors [len(texts), D] float32 and the number of tokens of each text."""
        ids = [encoding.ids for encoding in self._tokenizer.encode_batch(texts)]
        vectors = torch.empty(len(texts), self.dimensions)
        order = sorted(range(len(ids)), key=lambda index: len(ids[index]))
        for at in range(0, len(order), BATCH):
            chosen = order[at : at + BATCH]
            vectors[chosen] = self._pooled([ids[index] for index in chosen])
        return vectors, [len(one) for one in ids]

    def _pooled(self, ids: list[list[int]]) -> Tensor:
        width = max(map(len, ids))
        tokens = torch.tensor([one + [0] * (width - len(one)) for one in ids])
        mask = torch.tensor([[1] * len(one) + [0] * (width - len(one)) for one in ids])
        hidden: Tensor = self._model(input_ids=tokens, attention_mask=mask).last_hidden_state  # [B, T, D]
        if self.shape.pooling == "cls":
            pooled = hidden[:, 0]
        else:
            pooled = (hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)
        return nn.functional.normalize(pooled, dim=-1) if self.shape.normalise else pooled


def serve(connection: Connection, folder: Path) -> None:
    """Answers until the other side hangs up."""
    try:
        embedder = Embedder(folder)
    except (Refused, OSError, ValueError, KeyError) as error:
        _send(connection, {"error": str(error)})
        return
    _send(connection, {"dimensions": embedder.dimensions})
    while True:
        try:
            texts = json.loads(connection.recv_bytes())
        except EOFError:
            return
        vectors, tokens = embedder.embed(texts)
        _send(connection, {"tokens": tokens})
        connection.send_bytes(vectors.numpy().tobytes())


def _send(connection: Connection, head: dict[str, Any]) -> None:
    connection.send_bytes(json.dumps(head).encode())


if __name__ == "__main__":
    end_with_parent(signal.SIGKILL)
    torch.set_num_threads(1)
    serve(Connection(int(sys.argv[1])), Path(sys.argv[2]))
