"""Base models and adapters in memory. The only place where weights are read."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from peft import LoraConfig, PeftModel, get_peft_model_state_dict, set_peft_model_state_dict
from torch import nn
from transformers import AutoModelForCausalLM, PreTrainedModel

from training.lm.adapter_files import CONFIG, WEIGHTS, AdapterFiles, LoraShape
from training.lm.files import Refused, write_json


def load_base(folder: Path) -> PreTrainedModel:
    """The model in fp32 on the CPU, in evaluation mode. The folder must have passed `check_base`."""
    try:
        model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
            str(folder),
            dtype=torch.float32,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
        )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise Refused(f"the base model cannot be loaded: {error}") from error
    model.requires_grad_(False)
    model.train(False)
    return model


def longest(model: PreTrainedModel) -> int:
    """Tokens that the model can hold, prompt and answer together."""
    return int(getattr(model.config, "max_position_embeddings", 0) or 1 << 20)


def lora_config(shape: LoraShape) -> LoraConfig:
    targets: str | list[str] = list(shape.targets) or "all-linear"
    return LoraConfig(
        r=shape.r,
        lora_alpha=int(shape.alpha) if float(shape.alpha).is_integer() else shape.alpha,  # type: ignore[arg-type]
        lora_dropout=shape.dropout,
        target_modules=targets,
        bias="none",
        task_type="CAUSAL_LM",
    )


def with_adapter(base: PreTrainedModel, files: AdapterFiles, *, trainable: bool = False) -> PeftModel:
    """`base` wrapped (and changed in place) with the adapter. Raises Refused when the two do not fit."""
    weights = safetensors.torch.load(files.weights)
    if not all(bool(torch.isfinite(tensor).all()) for tensor in weights.values()):
        raise Refused("the adapter holds numbers that are not finite")
    try:
        wrapped = PeftModel(base, lora_config(files.shape))
        result: Any = set_peft_model_state_dict(wrapped, weights)
    except (RuntimeError, ValueError, KeyError) as error:
        raise Refused(f"the adapter does not fit the base model: {error}") from error
    missing = [key for key in result.missing_keys if "lora_" in key]
    if result.unexpected_keys or missing:
        raise Refused("the adapter does not fit the base model: its tensors have other names")
    for name, parameter in wrapped.named_parameters():
        parameter.requires_grad_(trainable and "lora_" in name)
    return wrapped


def merged_copy(base: PreTrainedModel, files: AdapterFiles) -> PreTrainedModel:
    """A model of its own with the adapter folded in: as fast as the base, which stays as it is."""
    wrapped: Any = with_adapter(copy.deepcopy(base), files)
    merged: PreTrainedModel = wrapped.merge_and_unload()
    merged.train(False)
    return merged


def save_adapter(model: nn.Module | None, folder: Path) -> None:
    """Writes the adapter of a peft model: two files, no pickle, no trace of where the base came from.

    Raises ValueError when a weight is not finite: such an adapter must not leave the run.
    """
    assert isinstance(model, PeftModel)
    config = model.peft_config["default"]
    tensors = {name: t.detach().contiguous() for name, t in get_peft_model_state_dict(model).items()}
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
        raise ValueError("the adapter holds numbers that are not finite")
    # peft expands "all-linear" to full paths; servers know the modules by their last names
    targets = {str(name).rpartition(".")[2] for name in config.target_modules}  # type: ignore[attr-defined]
    shape = LoraShape(config.r, config.lora_alpha, config.lora_dropout, tuple(sorted(targets)))  # type: ignore[attr-defined]
    folder.mkdir(parents=True, exist_ok=True)
    # sorted: the same weights must always be the same bytes
    safetensors.torch.save_file(dict(sorted(tensors.items())), folder / WEIGHTS, metadata={"format": "pt"})
    write_json(folder / CONFIG, shape.to_json(), durable=True)
