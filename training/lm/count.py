"""`count DIR`: how many tokens each row takes, with the base's own tokenizer. Loads no torch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from training.lm.contract import Exit, State, Status, read_status, write_status
from training.lm.files import to_lines, write_whole
from training.lm.rows import read_rows
from training.lm.specs import read_count
from training.lm.work import Stop, perform

EVERY = 2_000


def count(folder: Path) -> Exit:
    """Writes `counts.jsonl`, one line a row in the rows' order. Raises Busy."""
    return perform(folder, _count)


def _count(folder: Path, stop: Stop) -> Status:
    from training.lm.tokens import encode, load_tokenizer

    spec, rows = read_count(folder), read_rows(folder / "rows.jsonl")
    tokenizer = load_tokenizer(Path(spec.base_model))
    status = replace(read_status(folder) or Status(State.STARTING), state=State.RUNNING, max_steps=len(rows))
    counts, tokens = [], 0
    for number, row in enumerate(rows):
        if number % EVERY == 0:
            stop.check()
            write_status(folder, replace(status, step=number, tokens=tokens))
        example = encode(tokenizer, row.id, row.prompt, row.completion)
        total = len(example.ids)
        tokens += total
        counts.append(
            {
                "id": row.id,
                "prompt_tokens": example.prompt_tokens,
                "completion_tokens": total - example.prompt_tokens,
                "total": total,
                "fits": total <= spec.max_length,
            }
        )
    write_whole(folder / "counts.jsonl", to_lines(counts))
    return replace(status, state=State.SUCCEEDED, step=len(rows), tokens=tokens)
