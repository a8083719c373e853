"""From chats to token ids with the base's own tokenizer. Imports no torch, so that counting stays light."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from transformers import PreTrainedTokenizerFast

from training.lm.base_folder import check_tokenizer
from training.lm.files import Refused
from training.lm.rows import Message, Row, name_ids

Tokenizer = PreTrainedTokenizerFast


@dataclass(frozen=True, slots=True)
class Example:
    """One row as ids: the first `prompt_tokens` are given, the rest (the answer and its end) is learned."""

    id: str
    ids: tuple[int, ...]
    prompt_tokens: int

    @property
    def labels(self) -> list[int]:
        """-100 where nothing is to be learned."""
        return [-100] * self.prompt_tokens + list(self.ids[self.prompt_tokens :])


def load_tokenizer(folder: Path) -> Tokenizer:
    """Raises Refused when the folder has none that renders chats or that marks the end of an answer."""
    check_tokenizer(folder)
    tokenizer: Tokenizer = PreTrainedTokenizerFast.from_pretrained(str(folder), local_files_only=True)
    if tokenizer.eos_token_id is None:
        raise Refused("the base model's tokenizer has no end-of-text token")
    return tokenizer


def prompt_ids(tokenizer: Tokenizer, messages: Sequence[Message]) -> list[int]:
    """The chat with the opening of the answer, ready to be continued."""
    return list(tokenizer.encode(_render(tokenizer, messages, opening=True), add_special_tokens=False))


def encode(tokenizer: Tokenizer, row_id: str, messages: Sequence[Message], completion: str) -> Example:
    """The answer ends with the end-of-text token, so that stopping is learned and scored with it.

    Raises Refused when the template puts the answer elsewhere than after its prompt, or does not end it.
    """
    prompt = _render(tokenizer, messages, opening=True)
    answer = {"role": "assistant", "content": completion}
    whole = _render(tokenizer, [*messages, answer], opening=False)
    if not whole.startswith(prompt):
        raise Refused(f"row {row_id}: the chat template renders the answer apart from its prompt")
    # encoded apart: the model is asked with exactly these prompt ids, so no id may span the seam
    given = tokenizer.encode(prompt, add_special_tokens=False)
    learned = tokenizer.encode(whole[len(prompt) :], add_special_tokens=False)
    end = tokenizer.eos_token_id
    if end not in learned:
        raise Refused(f"row {row_id}: the chat template does not end an answer with {tokenizer.eos_token}")
    learned = learned[: len(learned) - learned[::-1].index(end)]
    return Example(row_id, (*given, *learned), len(given))


def _render(tokenizer: Tokenizer, messages: Sequence[Message], *, opening: bool) -> str:
    chat = [{**message, "content": _plain(tokenizer, message["content"])} for message in messages]
    return str(tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=opening))


def _plain(tokenizer: Tokenizer, text: str) -> str:
    """A control token that somebody typed stays text: it must not open a turn of its own."""
    text = text.encode("utf-8", "replace").decode()
    for token in tokenizer.all_special_tokens:
        text = text.replace(token, f"{token[0]} {token[1:]}")
    return text


def encode_rows(tokenizer: Tokenizer, rows: Iterable[Row], max_length: int) -> list[Example]:
    """Raises Refused naming the rows that are longer than `max_length`: cutting them would drop their end."""
    examples = [encode(tokenizer, row.id, row.prompt, row.completion) for row in rows]
    too_long = [example.id for example in examples if len(example.ids) > max_length]
    if too_long:
        raise Refused(f"longer than {max_length} tokens: {name_ids(too_long)}")
    return examples
