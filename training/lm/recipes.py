"""What may be tuned in a fine-tune, as one value. Standard library only: the web process reads it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

LIMITS: dict[str, tuple[float, float]] = {
    "lora_r": (1, 256),
    "lora_alpha": (1, 1024),
    "lora_dropout": (0.0, 0.9),
    "learning_rate": (1e-8, 1.0),
    "warmup_steps": (0, 100_000),
    "max_steps": (1, 100_000),
    "batch_size": (1, 1024),
    "weight_decay": (0.0, 1.0),
    "max_length": (8, 131_072),
    "max_grad_norm": (1e-6, 1e6),
    "correction_share": (0.0, 1.0),
    "save_steps": (1, 100_000),
    "logging_steps": (1, 100_000),
    "eval_steps": (1, 100_000),
    "threads": (1, 256),
}
WHOLE = {name for name, (low, _) in LIMITS.items() if isinstance(low, int)}


class BadRecipe(ValueError):
    """The recipe holds a value that cannot be trained with; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """LoRA by supervised fine-tuning. Lengths in tokens, rates per optimizer step, shares from 0 to 1.

    `correction_share` is the share of the drawn examples that are corrections: the smaller side is repeated
    to meet it. Raises BadRecipe for a value of the wrong type or out of its range.
    """

    name: str = "custom"
    lora_r: int = 16
    lora_alpha: int = 32
    lora_dropout: float = 0.0
    target_modules: str = "all-linear"
    learning_rate: float = 5e-3
    warmup_steps: int = 5
    max_steps: int = 120
    batch_size: int = 24
    weight_decay: float = 0.0
    max_length: int = 512
    max_grad_norm: float = 1.0
    correction_share: float = 1 / 3
    save_steps: int = 20
    logging_steps: int = 1
    eval_steps: int = 20
    threads: int = 1
    reason: str = ""

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            _check_number(name, getattr(self, name), low, high)
        if not isinstance(self.name, str) or not 1 <= len(self.name) <= 64:
            raise BadRecipe("name must be a text of 1 to 64 characters")
        if not isinstance(self.reason, str) or len(self.reason) > 400:
            raise BadRecipe("reason must be a text of at most 400 characters")
        if self.target_modules != "all-linear":
            raise BadRecipe('target_modules must be "all-linear"')
        if self.warmup_steps >= self.max_steps:
            raise BadRecipe(f"warmup_steps ({self.warmup_steps}) must be below max_steps ({self.max_steps})")

    def to_json(self) -> dict[str, Any]:
        """A dict of plain JSON values; `Recipe.from_json` gives the same recipe back."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: object) -> Recipe:
        """Raises BadRecipe for anything but an object with known keys and good values."""
        if not isinstance(data, dict):
            raise BadRecipe("a recipe is a JSON object")
        unknown = sorted(set(map(str, data)) - {field.name for field in fields(cls)})
        if unknown:
            raise BadRecipe(f"unknown recipe settings: {', '.join(unknown)}")
        return cls(**data)


def _check_number(name: str, value: object, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int if name in WHOLE else (int, float)):
        raise BadRecipe(f"{name} must be a {'whole ' if name in WHOLE else ''}number, not {value!r}")
    assert isinstance(value, (int, float))
    if not math.isfinite(value) or not low <= value <= high:
        raise BadRecipe(f"{name} must lie between {low:g} and {high:g}, not {value!r}")


QUICK = Recipe(
    name="quick",
    max_steps=60,
    reason="A first look in half the time; what is close to the corrections may suffer a little more.",
)
BALANCED = Recipe(
    name="balanced",
    reason="The best trade measured between fixing what was corrected and keeping the rest.",
)
THOROUGH = Recipe(
    name="thorough",
    max_steps=240,
    learning_rate=4e-3,
    warmup_steps=10,
    save_steps=40,
    eval_steps=40,
    reason="Twice the steps at a lower rate: for hundreds of corrections; for a few it brings nothing more.",
)
NAMED: dict[str, Recipe] = {recipe.name: recipe for recipe in (QUICK, BALANCED, THOROUGH)}
