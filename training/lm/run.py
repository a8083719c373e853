"""`run DIR`: one fine-tune, from a folder with a spec and rows to a folder with an adapter."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from training.lm import checkpoints
from training.lm.adapter_files import AdapterFiles, read_adapter, read_manifest, write_manifest
from training.lm.base_folder import check_base
from training.lm.contract import Exit, State, Status, read_status
from training.lm.draw import draw_order
from training.lm.files import Refused, sha256_file
from training.lm.rows import Row, name_ids, read_rows, refuse_too_few
from training.lm.specs import RunSpec, read_run
from training.lm.work import Stop, perform

if TYPE_CHECKING:
    from training.lm.progress import Progress
    from training.lm.sft import Sft
    from training.lm.tokens import Example


def run(folder: Path) -> Exit:
    """Trains what the folder asks for, going on from its newest whole checkpoint. Raises Busy."""
    return Exit.SUCCEEDED if _is_done(folder) else perform(folder, _run)


def _is_done(folder: Path) -> bool:
    try:
        status = read_status(folder)
        return status is not None and status.state is State.SUCCEEDED and bool(read_manifest(folder))
    except Refused:
        return False


@dataclass(frozen=True)
class _Given:
    """What was handed in, checked. `adapter`: the one to go on from."""

    spec: RunSpec
    rows: list[Row]
    held_out: list[Row]
    adapter: AdapterFiles | None


def _run(folder: Path, stop: Stop) -> Status:
    given = _checked(folder)
    _clear(folder)
    try:
        return _train(folder, stop, given)
    except BaseException:
        _clear(folder)
        checkpoints.drop_half_made(folder / "checkpoints")
        raise


def _checked(folder: Path) -> _Given:
    """Everything that can be refused without loading a library that trains."""
    spec = read_run(folder)
    rows = read_rows(folder / "train.jsonl")
    if sha256_file(folder / "train.jsonl") != spec.dataset_sha256:
        raise Refused("train.jsonl is not the dataset that was asked for: its sha256 differs")
    refuse_too_few(rows)
    held_out = read_rows(folder / "eval.jsonl")
    check_base(Path(spec.base_model), spec.base_sha256)
    adapter = read_adapter(Path(spec.continue_from)) if spec.continue_from else None
    if adapter is not None and adapter.shape.r != spec.recipe.lora_r:
        ranks = f"{adapter.shape.r}, the recipe {spec.recipe.lora_r}"
        raise Refused(f"the adapter to go on from has rank {ranks}")
    return _Given(spec, rows, held_out, adapter)


def _clear(folder: Path) -> None:
    """Takes away what an attempt left half-made, so that space is free and nothing can be registered."""
    for name in ("adapter", ".adapter"):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "MANIFEST.sha256").unlink(missing_ok=True)


def _train(folder: Path, stop: Stop, given: _Given) -> Status:
    recipe = given.spec.recipe
    order = draw_order(given.rows, recipe, given.spec.seed)
    trainer, progress = _trainer(folder, stop, given, order)
    checkpoint = checkpoints.newest_whole(folder / "checkpoints")
    progress.resume_at(checkpoints.step_of(checkpoint) if checkpoint else 0)
    _fit(trainer, checkpoint, given.rows, order)
    progress.flush()
    if stop.asked():
        return replace(progress.status, state=stop.state or State.INTERRUPTED)
    _publish(trainer, folder)
    return replace(progress.status, state=State.SUCCEEDED, step=recipe.max_steps)


def _trainer(folder: Path, stop: Stop, given: _Given, order: list[int]) -> tuple[Sft, Progress]:
    """Model, rows and callback put together; `order`: which row is seen when."""
    import torch

    from training.lm.base_model import load_base, longest, with_adapter
    from training.lm.progress import Progress
    from training.lm.sft import make_trainer
    from training.lm.tokens import encode_rows, load_tokenizer

    recipe, base = given.spec.recipe, Path(given.spec.base_model)
    torch.set_num_threads(recipe.threads)
    tokenizer, model = load_tokenizer(base), load_base(base)
    limit = min(recipe.max_length, longest(model))
    examples, evaluation = (encode_rows(tokenizer, some, limit) for some in (given.rows, given.held_out))
    progress = Progress(
        folder=folder,
        status=replace(read_status(folder) or Status(State.STARTING), max_steps=recipe.max_steps),
        stop=stop,
        tokens_by_step=_tokens_by_step(examples, order, recipe.batch_size),
    )
    trainer = make_trainer(
        model if given.adapter is None else with_adapter(model, given.adapter, trainable=True),
        tokenizer,
        recipe,
        seed=given.spec.seed,
        train=examples,
        order=order,
        evaluation=evaluation,
        checkpoints=folder / "checkpoints",
        callback=progress,
    )
    return trainer, progress


def _tokens_by_step(examples: Sequence[Example], order: Sequence[int], batch: int) -> list[int]:
    """Tokens seen after 0, 1, 2 … steps."""
    lengths = [len(examples[index].ids) for index in order]
    steps = (sum(lengths[at : at + batch]) for at in range(0, len(lengths), batch))
    return list(accumulate(steps, initial=0))


def _fit(trainer: Sft, checkpoint: Path | None, rows: list[Row], order: list[int]) -> None:
    from training.lm.sft import NonFinite

    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except NonFinite as error:
        step, batch = trainer.state.global_step + 1, trainer.args.per_device_train_batch_size
        ids = [rows[index].id for index in order[(step - 1) * batch : step * batch]]
        named = name_ids(list(dict.fromkeys(ids)), limit=batch)
        raise ArithmeticError(f"step {step}: {error}; its batch was {named}. Nothing was kept.") from error


def _publish(trainer: Sft, folder: Path) -> None:
    """The adapter appears at once and whole, then the manifest that vouches for it."""
    from training.lm.base_model import save_adapter

    save_adapter(trainer.model, folder / ".adapter")
    os.rename(folder / ".adapter", folder / "adapter")
    write_manifest(folder)
