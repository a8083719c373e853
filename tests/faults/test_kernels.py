"""SIGKILL of the kernel at random moments of its commands: the next attempt ends as if nothing had happened.

An attempt is a process of its own, forked from one that has loaded the libraries: loading them takes seconds, in which
nothing can be lost. Kernels that load for themselves, under a supervisor, are killed in test_runs.py.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.training.lm.tiny import SHORT, build_base, make_adapter, make_rows
from training.lm.adapter_files import read_adapter, read_manifest
from training.lm.base_folder import base_sha256
from training.lm.cli import main
from training.lm.contract import Exit, read_metrics
from training.lm.rows import Case
from training.lm.specs import Version, write_evaluate, write_run

pytestmark = [pytest.mark.bar("R6")]
SEED = os.environ.get("LABELHUB_SEED", "1")
PRELOADED = ["training.lm.sft", "training.lm.run", "training.lm.evaluate", "training.lm.decode", "training.lm.cli"]
RECIPE = replace(SHORT, save_steps=2)
LONGEST_S = 120


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def attempt() -> Iterator[Callable[..., tuple[int | None, float]]]:
    """attempt(command, folder, kill_after=None) → (exit code, None if it was killed; how long it lived, in seconds)."""
    threads = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"  # nothing that was loaded before a fork may have started threads
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(PRELOADED)

    def make(command: str, folder: Path, kill_after: float | None = None) -> tuple[int | None, float]:
        process = forks.Process(target=_exit_with, args=(command, str(folder)))
        began = time.monotonic()
        process.start()
        process.join(LONGEST_S if kill_after is None else max(0.0, began + kill_after - time.monotonic()))
        process.kill()
        process.join()
        return (None if process.exitcode == -9 else process.exitcode), time.monotonic() - began

    yield make
    os.environ.pop("OMP_NUM_THREADS") if threads is None else os.environ.update(OMP_NUM_THREADS=threads)


def _exit_with(command: str, folder: str) -> None:
    raise SystemExit(main([command, folder]))


def survives(attempt: Any, command: str, prepare: Callable[[Path], None], check: Callable[[Path], None], place: Path,
             moments: int) -> None:  # fmt: skip
    """So many times: a folder, an attempt that is killed, one that is not, and a look at what came of it.

    The first attempt of all comes to its end and says how long one takes; the moments lie evenly within that.
    """
    chance = random.Random(f"{command} {SEED}")
    longest, died = 0.0, 0
    for number in range(moments + 2):
        folder = place / f"{command}-{number}"
        prepare(folder)
        ended, lived = attempt(command, folder, None if number < 2 else chance.uniform(0, longest))
        if number < 2:
            longest = lived  # the second: the first one also started the server
        elif ended is not None:
            longest = min(longest, lived)  # the machine has become faster: others have left it
        died += ended is None
        assert ended in ((Exit.SUCCEEDED,) if number < 2 else (None, Exit.SUCCEEDED))
        assert attempt(command, folder) == (Exit.SUCCEEDED, pytest.approx(0, abs=LONGEST_S))
        check(folder)
        shutil.rmtree(folder)
    print(f"{command}: {moments} moments within {longest * 1000:.0f} ms, seed {SEED}, {died} before its end")
    assert died >= moments // 3


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_training_that_was_killed_at_any_moment_ends_in_the_same_adapter_once(base: Path, attempt, tmp_path, count):
    sha = base_sha256(base)

    def prepare(folder: Path) -> None:
        write_run(folder, base_model=str(base), base_sha256=sha, recipe=RECIPE, seed=0, rows=make_rows())

    undisturbed = tmp_path / "undisturbed"
    prepare(undisturbed)
    assert attempt("run", undisturbed)[0] == Exit.SUCCEEDED
    adapter = contents(undisturbed / "adapter")

    def check(folder: Path) -> None:
        assert read_manifest(folder)
        assert contents(folder / "adapter") == adapter
        assert not (folder / ".adapter").exists()
        assert [row["step"] for row in read_metrics(folder)] == list(range(1, RECIPE.max_steps + 1))
        whole = folder.glob("checkpoints/checkpoint-*")
        assert all((checkpoint / "COMPLETE.json").exists() for checkpoint in whole)

    survives(attempt, "run", prepare, check, tmp_path, count(6, 200))


def test_an_evaluation_that_was_killed_at_any_moment_ends_in_the_same_results(base: Path, attempt, tmp_path, count):
    sha, adapter = base_sha256(base), make_adapter(base, tmp_path / "adapter", seed=1)
    versions = [Version("before"), Version("after", str(adapter), read_adapter(adapter).sha256)]
    asked = [Case(f"c{n}", ({"role": "user", "content": f"What is {n}?"},), f"It is {n}.", "No.") for n in range(24)]
    prepare = partial(
        write_evaluate, base_model=str(base), base_sha256=sha, versions=versions, cases=asked, max_new_tokens=24
    )
    undisturbed = tmp_path / "undisturbed"
    prepare(undisturbed)
    assert attempt("evaluate", undisturbed)[0] == Exit.SUCCEEDED
    results = (undisturbed / "results.jsonl").read_bytes()
    assert len(results.splitlines()) == 2 * len(asked)

    def check(folder: Path) -> None:
        assert (folder / "results.jsonl").read_bytes() == results

    survives(attempt, "evaluate", prepare, check, tmp_path, count(6, 200))
