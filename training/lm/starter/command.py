"""`python -m training.lm starter --out DIR`: train the starter, measure it, write its folder."""

import argparse
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from training.lm.starter.accept import BARS, measure
from training.lm.starter.card import write_card
from training.lm.starter.train import StarterRecipe, train


def main(argv: list[str]) -> int:
    """Exit 0 if the figures meet the bars, 1 if not; the folder is written either way."""
    chosen = _arguments(argv)
    recipe = replace(StarterRecipe(), steps=chosen.steps, seed=chosen.seed)
    started = time.monotonic()
    model, tokenizer = train(recipe, say=partial(print, flush=True))
    seconds = time.monotonic() - started
    _save(model, tokenizer, chosen.out)
    figures = measure(model, tokenizer)
    write_card(chosen.out, recipe, figures, seconds)
    for name, share in figures.items():
        print(f"{share:.3f}  {name}")
    missed = _missed(figures)
    if missed:
        print(f"below the bar: {', '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


def _save(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder, save_jinja_files=False)
    (folder / "model.safetensors").chmod(0o644)  # written 0600, which another user could not serve


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.lm starter", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the weights")
    parser.add_argument("--steps", type=int, default=StarterRecipe.steps)
    parser.add_argument("--seed", type=int, default=StarterRecipe.seed)
    return parser.parse_args(argv)


def _missed(figures: Mapping[str, float]) -> list[str]:
    return [name for name, bar in BARS.items() if figures[name] < bar]
