"""The bare loop that trains the starter: Muon on the body's matrices, AdamW on the rest."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from random import Random

import torch
from torch import Tensor
from torch.nn import Parameter, functional
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from training.lm.starter import corpus
from training.lm.starter.tokenizer import ASSISTANT, END, MAX_LENGTH, train_tokenizer

Row = tuple[list[int], list[int]]


@dataclass(frozen=True)
class StarterRecipe:
    """Everything that decides the weights, but for the world and the corpus themselves."""

    steps: int = 2600
    seed: int = 0
    batch_size: int = 32
    hidden: int = 128
    feed_forward: int = 384
    layers: int = 4
    heads: int = 4
    vocabulary: int = 1536
    tokenizer_dialogues: int = 4000
    copy_only_share: float = 0.35
    muon_rate: float = 0.012
    adam_rate: float = 6e-3
    warmup: int = 20
    flat_until: float = 0.4
    threads: int = 2

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)


class Muon(torch.optim.Optimizer):
    """Momentum whose steps are orthogonalised, matrices of one shape at a time."""

    def __init__(self, matrices: list[Parameter], lr: float, momentum: float = 0.95) -> None:
        super().__init__(matrices, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            shapes: dict[torch.Size, list[Tensor]] = {}
            for matrix in group["params"]:
                shapes.setdefault(matrix.shape, []).append(matrix)
            for shape, matrices in shapes.items():
                steps = orthogonal(torch.stack([self._momentum(m, group["momentum"]) for m in matrices]))
                scale = max(1.0, shape[0] / shape[1]) ** 0.5
                for matrix, update in zip(matrices, steps, strict=True):
                    matrix.add_(update, alpha=-group["lr"] * scale)

    def _momentum(self, matrix: Tensor, beta: float) -> Tensor:
        assert matrix.grad is not None
        mean: Tensor = self.state[matrix].setdefault("mean", torch.zeros_like(matrix))
        mean.lerp_(matrix.grad, 1 - beta)
        ahead: Tensor = matrix.grad.lerp(mean, beta)
        return ahead


def orthogonal(stack: Tensor) -> Tensor:
    """The nearest (semi-)orthogonal matrices, roughly: five Newton-Schulz rounds. [N, R, C] → [N, R, C]."""
    tall = stack.shape[1] > stack.shape[2]
    x = stack.mT if tall else stack
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(5):
        square = x @ x.mT
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    nearest: Tensor = x.mT if tall else x
    return nearest


def build_model(recipe: StarterRecipe, tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=recipe.hidden,
        intermediate_size=recipe.feed_forward,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        max_position_embeddings=MAX_LENGTH,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        use_cache=True,
    )
    model = LlamaForCausalLM(config)
    model.set_attn_implementation("eager")  # at this length a tenth faster on CPU than the fused one
    return model


def encode(tokenizer: PreTrainedTokenizerFast, dialogues: list[list[dict[str, str]]]) -> list[Row]:
    """Token ids and 0/1 marks of what the assistant says (its <|end|> with it), one pair a dialogue."""
    texts = [tokenizer.apply_chat_template(dialogue, tokenize=False) for dialogue in dialogues]
    ids: list[list[int]] = tokenizer(texts, add_special_tokens=False)["input_ids"]
    vocabulary: dict[str, int] = tokenizer.get_vocab()
    start, end = vocabulary[ASSISTANT], vocabulary[END]
    return [(row, _said(row, start, end)) for row in ids]


def _said(row: list[int], start: int, end: int) -> list[int]:
    marks, speaking = [], False
    for token in row:
        marks.append(int(speaking))
        if token == start:
            speaking = True
        elif token == end:
            speaking = False
    return marks


def batches(rows: list[Row], size: int, rng: Random) -> Iterator[list[Row]]:
    """Batches of rows of about one length, in random order; a last small one is left out."""
    rng.shuffle(rows)
    window = size * 32
    for at in range(0, len(rows), window):
        part = sorted(rows[at : at + window], key=lambda row: len(row[0]))
        cuts = list(range(0, len(part) - size + 1, size))
        rng.shuffle(cuts)
        yield from (part[cut : cut + size] for cut in cuts)


def loss_of(model: LlamaForCausalLM, batch: list[Row]) -> Tensor:
    """Mean loss over what the assistant says → nats/token. Padding is on the right, so no mask is needed."""
    width = max(len(ids) for ids, _ in batch)
    ids = torch.tensor([row + [0] * (width - len(row)) for row, _ in batch])  # [B, T], 0 = padding
    said = torch.tensor([marks + [0] * (width - len(marks)) for _, marks in batch])  # [B, T]
    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1]  # [B, T-1, H]
    where = said[:, 1:] == 1
    return functional.cross_entropy(model.lm_head(hidden[where]), ids[:, 1:][where])


def rate(step: int, recipe: StarterRecipe) -> float:
    """Share of the full rate at `step`: warm-up, flat, then a line down to 2 %."""
    if step < recipe.warmup:
        return (step + 1) / recipe.warmup
    flat = recipe.flat_until * recipe.steps
    return 1.0 if step < flat else 1 - 0.98 * (step - flat) / max(1.0, recipe.steps - flat)


def training_batches(recipe: StarterRecipe, tokenizer: PreTrainedTokenizerFast) -> Iterator[list[Row]]:
    """Exactly `recipe.steps` batches; the first share of them without corrections that must be ignored."""
    rng = Random(recipe.seed)
    first = int(recipe.steps * recipe.copy_only_share)
    stages = ((first, corpus.COPY_ONLY), (recipe.steps - first, corpus.Mix()))
    for number, (steps, mix) in enumerate(stages):
        made = corpus.dialogues(steps * recipe.batch_size, seed=100 * recipe.seed + number + 1, mix=mix)
        yield from batches(encode(tokenizer, list(made)), recipe.batch_size, rng)


def train(
    recipe: StarterRecipe, say: Callable[[str], None] = print
) -> tuple[LlamaForCausalLM, PreTrainedTokenizerFast]:
    """Train from nothing; the same recipe gives the same weights on the same machine."""
    torch.set_num_threads(recipe.threads)
    torch.manual_seed(recipe.seed)
    tokenizer = train_tokenizer(corpus.dialogues(recipe.tokenizer_dialogues, recipe.seed), recipe.vocabulary)
    model = build_model(recipe, tokenizer)
    body = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
    rest = [p for name, p in model.named_parameters() if p.ndim != 2 or "embed" in name]
    muon = Muon(body, recipe.muon_rate)
    adam = torch.optim.AdamW(rest, recipe.adam_rate, betas=(0.9, 0.95), weight_decay=0.0)
    started, total = time.monotonic(), 0.0
    for step, batch in enumerate(training_batches(recipe, tokenizer)):
        muon.param_groups[0]["lr"] = recipe.muon_rate * rate(step, recipe)
        adam.param_groups[0]["lr"] = recipe.adam_rate * rate(step, recipe)
        loss = loss_of(model, batch)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        muon.step()
        adam.step()
        model.zero_grad(set_to_none=True)
        total += loss.item()
        if (step + 1) % 50 == 0:
            say(f"step {step + 1}/{recipe.steps} loss {total / 50:.3f} {time.monotonic() - started:.0f} s")
            total = 0.0
    model.train(False)
    return model, tokenizer
