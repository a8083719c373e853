"""Fixtures around the tiny model of `tiny.py`."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.training.lm.tiny import SHORT, build_base, kernel, make_row, make_rows
from training.lm.base_folder import base_sha256
from training.lm.files import write_json
from training.lm.recipes import Recipe
from training.lm.rows import Row
from training.lm.specs import RunSpec, write_run


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_base(tmp_path_factory.mktemp("base"))


@pytest.fixture
def make_run(base: Path, tmp_path: Path) -> Callable[..., Path]:
    """Makes the folder of a run; `spec` replaces settings of the spec after it was written."""
    numbers = itertools.count(1)

    def make(
        *,
        rows: list[Row] | None = None,
        eval_rows: list[Row] | None = None,
        recipe: Recipe = SHORT,
        seed: int = 0,
        model: Path | None = None,
        spec: dict[str, object] | None = None,
    ) -> Path:
        folder = tmp_path / f"run-{next(numbers)}"
        written: RunSpec = write_run(
            folder,
            base_model=str(model or base),
            base_sha256=base_sha256(model or base),
            recipe=recipe,
            seed=seed,
            rows=make_rows() if rows is None else rows,
            eval_rows=[make_row(90), make_row(91)] if eval_rows is None else eval_rows,
        )
        write_json(folder / "spec.json", {**written.to_json(), **(spec or {})})
        return folder

    return make


@pytest.fixture
def copied_base(base: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(base, tmp_path / "copied-base"))


@pytest.fixture
def start_kernel() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts kernels and ends those that a test leaves behind."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: object) -> subprocess.Popen[bytes]:
        started.append(kernel(*arguments))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()
