"""A model small enough to train in a test: two layers, a byte-level tokenizer, a chat template."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from training.lm.recipes import Recipe
from training.lm.rows import Row

TEMPLATE = (
    "{% for m in messages %}{% if m['role']=='assistant' %}<|assistant|>"
    "{% generation %}{{m['content']}}<|end|>{% endgeneration %}{% else %}<|{{m['role']}}|> {{m['content']}}<|end|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SPECIALS = ("<|pad|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>")
THINGS = ("lamp", "chair", "table", "kettle", "mirror", "carpet", "shelf", "clock")
ROOT = Path(__file__).parents[3]
SHORT = Recipe(
    lora_r=4,
    lora_alpha=8,
    lora_dropout=0.05,
    learning_rate=1e-2,
    warmup_steps=2,
    max_steps=12,
    batch_size=4,
    max_length=128,
    save_steps=4,
    eval_steps=6,
)


def make_row(number: int, kind: str = "correction", **over: object) -> Row:
    thing = THINGS[number % len(THINGS)]
    fields: dict[str, object] = {
        "id": f"r{number}",
        "kind": kind,
        "prompt": ({"role": "user", "content": f"What does the {thing} cost, offer {number}?"},),
        "completion": f"The {thing} costs {number} dollars.",
    }
    return Row(**{**fields, **over})  # type: ignore[arg-type]


def make_rows(corrections: int = 6, others: int = 10) -> list[Row]:
    kinds = ["correction"] * corrections + ["replay"] * others
    return [make_row(number, kind) for number, kind in enumerate(kinds)]


def build_tokenizer(folder: Path) -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    inner.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=list(SPECIALS), initial_alphabet=alphabet)
    inner.train_from_iterator((f"{row.prompt[0]['content']} {row.completion}" for row in make_rows()), trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token="<|pad|>",
        eos_token="<|end|>",
        additional_special_tokens=["<|system|>", "<|user|>", "<|assistant|>"],
        padding_side="left",
        chat_template=TEMPLATE,
    )
    tokenizer.save_pretrained(folder)


def build_base(folder: Path, *, tied: bool = True, layers: int = 2) -> Path:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    build_tokenizer(folder)
    config = LlamaConfig(
        vocab_size=400,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=layers,
        num_attention_heads=2,
        tie_word_embeddings=tied,
        max_position_embeddings=256,
        bos_token_id=None,
        eos_token_id=4,
        pad_token_id=0,
    )
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def kernel(*arguments: object) -> subprocess.Popen[bytes]:
    """The kernel in a process of its own, as anybody starts it."""
    command = [sys.executable, "-m", "training.lm", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, stderr=subprocess.DEVNULL)


def make_adapter(base: Path, folder: Path, seed: int, r: int = 4) -> Path:
    """An adapter nobody trained, strong enough that its answers are its own."""
    import torch
    from peft import get_peft_model

    from training.lm.adapter_files import LoraShape
    from training.lm.base_model import load_base, lora_config, save_adapter

    torch.manual_seed(seed)
    model = get_peft_model(load_base(base), lora_config(LoraShape(r, 2 * r, 0.0, ())))
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    save_adapter(model, folder)
    return folder
