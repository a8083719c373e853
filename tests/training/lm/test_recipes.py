from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from training.lm.recipes import NAMED, BadRecipe, Recipe

ROOT = Path(__file__).parents[3]
LIGHT = ("recipes", "contract", "specs", "rows", "files", "adapter_files", "checkpoints", "base_folder", "draw", "work")


@pytest.mark.parametrize("recipe", [*NAMED.values(), Recipe(name="own", lora_dropout=0.1, correction_share=0.5)])
def test_a_recipe_survives_json(recipe: Recipe):
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


def test_every_named_recipe_says_why_in_one_line():
    assert set(NAMED) == {"quick", "balanced", "thorough"}
    for recipe in NAMED.values():
        assert recipe.reason
        assert "\n" not in recipe.reason


@pytest.mark.bar("R12")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learning_rate", float("inf")),
        ("learning_rate", float("nan")),
        ("learning_rate", 0.0),
        ("learning_rate", "0.1"),
        ("max_steps", 0),
        ("max_steps", 1.5),
        ("max_steps", True),
        ("batch_size", -1),
        ("correction_share", 1.1),
        ("lora_r", 0),
        ("lora_dropout", 1.0),
        ("max_grad_norm", 0.0),
        ("target_modules", "q_proj"),
        ("warmup_steps", 120),
        ("name", ""),
    ],
)
def test_a_bad_value_is_refused_by_name(name: str, value: object):
    with pytest.raises(BadRecipe, match=name):
        replace(Recipe(), **{name: value})  # type: ignore[arg-type]


def test_an_unknown_setting_is_refused():
    with pytest.raises(BadRecipe, match="learning_rte"):
        Recipe.from_json({"learning_rte": 1e-3})


@pytest.mark.parametrize("data", [None, [], "quick", 3])
def test_a_recipe_is_an_object(data: object):
    with pytest.raises(BadRecipe):
        Recipe.from_json(data)


def test_what_the_web_process_imports_loads_no_model_library():
    code = (
        "import sys, importlib\n"
        f"for name in {LIGHT!r}: importlib.import_module('training.lm.' + name)\n"
        "heavy = {'torch', 'transformers', 'peft', 'trl', 'numpy', 'django'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
