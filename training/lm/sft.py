"""The trainer: TRL's, with the loss at labelled positions only and a check that numbers stay numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset
from peft import PeftModel
from torch import Tensor, nn
from transformers import PreTrainedModel, TrainerCallback
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from training.lm.adapter_files import LoraShape
from training.lm.base_model import lora_config, save_adapter
from training.lm.recipes import Recipe
from training.lm.tokens import Example, Tokenizer

RESCALED = ("final_logit_softcapping", "logit_scale", "logits_scaling", "lm_head_multiplier")


class NonFinite(ArithmeticError):
    """A loss or gradient norm is infinite or no number. `where` says which of the two."""

    def __init__(self, where: str, value: float) -> None:
        super().__init__(f"the {where} became {value}")


def causal_loss(model: PreTrainedModel, input_ids: Tensor, labels: Tensor) -> Tensor:
    """Mean loss over labelled tokens. input_ids, labels [B, T] int (-100 = ignored) → nats/token.

    The head runs only where something is to be predicted. No attention mask: padding is on the right, where
    a causal model cannot see it from the tokens that count. Raises ValueError when nothing is labelled.
    """
    hidden = model.base_model(input_ids=input_ids, use_cache=False).last_hidden_state  # [B, T, H]
    targets = labels[:, 1:]
    wanted = targets != -100  # [B, T-1]
    if not bool(wanted.any()):
        raise ValueError("no token of this batch is to be learned")
    head: Any = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    logits: Tensor = head(hidden[:, :-1][wanted])  # [N, V]
    return nn.functional.cross_entropy(logits.float(), targets[wanted])


class Sft(SFTTrainer):
    """Own loss (1.1 times a bare loop instead of 1.5), own finite check, adapters saved without pickles."""

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        plain: Any = self.accelerator.unwrap_model(model)
        base: Any = plain.get_base_model() if isinstance(plain, PeftModel) else plain
        if any(getattr(base.config, name, None) for name in RESCALED):
            stock: Any = super()
            return stock.compute_loss(model, inputs, return_outputs, num_items_in_batch)
        loss = causal_loss(base, inputs["input_ids"], inputs["labels"])
        return (loss, {}) if return_outputs else loss

    def training_step(self, *args: Any, **kwargs: Any) -> Tensor:
        stock: Any = super()
        loss: Tensor = stock.training_step(*args, **kwargs)
        _check_finite("loss", float(loss))
        return loss

    def _clip_grad_norm(self, model: nn.Module) -> Any:
        stock: Any = super()
        norm = stock._clip_grad_norm(model)
        _check_finite("gradient norm", float(norm))
        return norm

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        """Only what a resume needs: no pickled arguments, no copy of the tokenizer."""
        save_adapter(self.model, Path(output_dir or str(self.args.output_dir)))

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """A checkpoint is no publication."""


def _check_finite(where: str, value: float) -> None:
    if not math.isfinite(value):
        raise NonFinite(where, value)


def make_trainer(
    model: PreTrainedModel | PeftModel,
    tokenizer: Tokenizer,
    recipe: Recipe,
    *,
    seed: int,
    train: Sequence[Example],
    order: Sequence[int],
    evaluation: Sequence[Example],
    checkpoints: Path,
    callback: TrainerCallback,
) -> Sft:
    """A trainer that sees `train` in exactly `order`; a plain model gets a fresh adapter."""
    shape = LoraShape(recipe.lora_r, recipe.lora_alpha, recipe.lora_dropout, ())
    return Sft(
        model=model,
        args=_arguments(recipe, seed, checkpoints, with_evaluation=bool(evaluation)),
        train_dataset=_dataset(train).select(list(order)),
        eval_dataset=_dataset(evaluation) if evaluation else None,
        processing_class=tokenizer,
        callbacks=[callback],
        peft_config=None if isinstance(model, PeftModel) else lora_config(shape),
    )


def _dataset(examples: Sequence[Example]) -> Dataset:
    return Dataset.from_list([{"input_ids": list(e.ids), "labels": e.labels} for e in examples])


def _arguments(recipe: Recipe, seed: int, checkpoints: Path, *, with_evaluation: bool) -> SFTConfig:
    return SFTConfig(
        output_dir=str(checkpoints),
        per_device_train_batch_size=recipe.batch_size,
        per_device_eval_batch_size=recipe.batch_size,
        max_steps=recipe.max_steps,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=recipe.warmup_steps,
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.max_grad_norm,
        max_length=None,
        dataset_kwargs={"skip_prepare_dataset": True},
        train_sampling_strategy="sequential",
        logging_strategy="steps",
        logging_steps=recipe.logging_steps,
        logging_nan_inf_filter=False,
        eval_strategy="steps" if with_evaluation else "no",
        eval_steps=recipe.eval_steps if with_evaluation else None,
        save_strategy="steps",
        save_steps=recipe.save_steps,
        prediction_loss_only=True,
        seed=seed,
        data_seed=seed,
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        dataloader_num_workers=0,
        dataloader_pin_memory=False,
        report_to="none",
        disable_tqdm=True,
    )
