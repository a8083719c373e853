"""Answers token by token, many prompts at once, and how likely a given answer is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from training.lm.cache import roomy_cache
from training.lm.tokens import Example, Tokenizer

Choose = Callable[[Tensor, list[int]], Tensor]


@dataclass(frozen=True, slots=True)
class Step:
    """One new token of prompt number `row`; `logprob` in nats."""

    row: int
    token: int
    logprob: float
    logits: Tensor  # [V]
    ended: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """`tokens` without the end-of-text token; `logprob` is the mean per token, the end's included."""

    tokens: tuple[int, ...]
    logprob: float


def end_tokens(model: PreTrainedModel, tokenizer: Tokenizer) -> frozenset[int]:
    """The ids that end an answer."""
    known = model.generation_config.eos_token_id if model.generation_config else None
    ends = known if isinstance(known, list) else [known]
    return frozenset(int(end) for end in (*ends, tokenizer.eos_token_id) if end is not None)


def greedy(logits: Tensor, rows: list[int]) -> Tensor:
    """logits [B, V] → the likeliest token of each, [B]."""
    return logits.argmax(-1)


class Decoding:
    """A group of prompts in the middle of being answered by one model.

    `limits[i]`: most new tokens for prompt i, at least 1. Prompts are padded on the left, rows that ended are
    dropped from the batch, so a group costs what its unfinished rows cost. Not thread-safe.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        prompts: Sequence[Sequence[int]],
        limits: Sequence[int],
        ends: frozenset[int],
        choose: Choose = greedy,
    ) -> None:
        width = max(map(len, prompts))
        self._model, self._limits, self._ends, self._choose = model, list(limits), ends, choose
        self._ids = torch.tensor([[0] * (width - len(prompt)) + list(prompt) for prompt in prompts])
        self._mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
        self._cache = roomy_cache(model.config)
        self._rows = list(range(len(prompts)))
        self._made = [0] * len(prompts)
        self._dropped: set[int] = set()

    @property
    def rows(self) -> list[int]:
        """Numbers of the prompts that are still being answered."""
        return [row for row in self._rows if row not in self._dropped]

    def drop(self, row: int) -> None:
        """Stops answering prompt `row`."""
        self._dropped.add(row)

    @torch.inference_mode()
    def step(self) -> list[Step]:
        """The next token of every prompt that is not finished; [] when all are."""
        self._shrink()
        if not self._rows:
            return []
        logits = self._forward()  # [B, V]
        tokens = self._choose(logits, self._rows)  # [B]
        logprobs = logits.gather(1, tokens[:, None]).squeeze(1) - logits.logsumexp(-1)
        self._ids = tokens[:, None]
        self._mask = nn.functional.pad(self._mask, (0, 1), value=1)
        found = zip(self._rows, tokens.tolist(), logprobs.tolist(), logits, strict=True)
        return [self._taken(*one) for one in found if one[0] not in self._dropped]

    def _taken(self, row: int, token: int, logprob: float, logits: Tensor) -> Step:
        self._made[row] += 1
        ended = token in self._ends
        if ended or self._made[row] >= self._limits[row]:
            self._dropped.add(row)
        return Step(row, token, logprob, logits, ended)

    def _forward(self) -> Tensor:
        positions = (self._mask.cumsum(-1) - 1).clamp(min=0)[:, -self._ids.shape[1] :]
        # without padding no mask is needed, and attention is faster without one
        mask = None if bool(self._mask.all()) else self._mask
        out = self._model(
            input_ids=self._ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits: Tensor = out.logits[:, -1].float()
        return logits

    def _shrink(self) -> None:
        """Takes finished rows out once they are a quarter of the batch; copying the cache has its price."""
        kept = [at for at, row in enumerate(self._rows) if row not in self._dropped]
        if kept and len(kept) > 0.75 * len(self._rows):
            return
        if kept:
            index = torch.tensor(kept)
            self._ids, self._mask = self._ids[index], self._mask[index]
            if self._cache.get_seq_length():
                self._cache.batch_select_indices(index)
        self._rows = [self._rows[at] for at in kept]


def answer_all(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    max_new_tokens: int,
    ends: frozenset[int],
    *,
    longest: int,
    batch: int = 128,
) -> Iterator[list[tuple[int, Answer]]]:
    """Greedy answers, yielded batch by batch as (index into prompts, answer); batches are of like lengths."""
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    for at in range(0, len(order), batch):
        chosen = order[at : at + batch]
        limits = [max(1, min(max_new_tokens, longest - len(prompts[index]))) for index in chosen]
        group = Decoding(model, [prompts[index] for index in chosen], limits, ends)
        yield list(zip(chosen, _answers(group, len(chosen)), strict=True))


def _answers(group: Decoding, size: int) -> list[Answer]:
    steps: list[list[Step]] = [[] for _ in range(size)]
    while made := group.step():
        for step in made:
            steps[step.row].append(step)
    return [Answer(tuple(s.token for s in row if not s.ended), sum(s.logprob for s in row) / len(row)) for row in steps]


@torch.inference_mode()
def mean_logprobs(model: PreTrainedModel, examples: Sequence[Example], batch: int = 32) -> list[float]:
    """The mean log-probability (nats/token) of each example's answer, its end included, in their order."""
    means = [0.0] * len(examples)
    order = sorted(range(len(examples)), key=lambda index: len(examples[index].ids))
    for at in range(0, len(order), batch):
        chosen = order[at : at + batch]
        for index, mean in zip(chosen, _means(model, [examples[index] for index in chosen]), strict=True):
            means[index] = mean
    return means


def _means(model: PreTrainedModel, examples: list[Example]) -> list[float]:
    width = max(len(example.ids) for example in examples)
    ids = torch.tensor([[*e.ids, *[0] * (width - len(e.ids))] for e in examples])  # [B, T], padded right
    labels = torch.tensor([[*e.labels, *[-100] * (width - len(e.ids))] for e in examples])[:, 1:]
    logits = model(input_ids=ids, use_cache=False).logits[:, :-1].float()  # [B, T-1, V]
    wanted = labels != -100
    losses = nn.functional.cross_entropy(logits.transpose(1, 2), labels, reduction="none")  # 0 where ignored
    means: list[float] = (-losses.sum(1) / wanted.sum(1)).tolist()
    return means
