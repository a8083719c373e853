"""A run that was killed, interrupted or found damaged ends in the very same adapter."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.training.lm.tiny import SHORT, make_rows
from training.lm.base_folder import base_sha256
from training.lm.contract import Exit, State, Status, read_metrics, read_status
from training.lm.files import sha256_file
from training.lm.recipes import Recipe
from training.lm.run import run
from training.lm.specs import write_run

MakeRun = Callable[..., Path]
Start = Callable[..., "subprocess.Popen[bytes]"]
LONG = replace(SHORT, max_steps=60, save_steps=5, eval_steps=30)


def adapter_sha(folder: Path) -> str:
    return sha256_file(folder / "adapter" / "adapter_model.safetensors")


def wait_for_step(folder: Path, process: subprocess.Popen[bytes], step: int) -> Status:
    """The status of this very process once it has trained `step` steps."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        status = read_status(folder)
        if status is not None and status.pid == process.pid and status.step >= step:
            return status
        time.sleep(0.001)
    raise AssertionError(f"the run ended or hung before step {step}: {process.poll()}")


@pytest.fixture(scope="module")
def reference(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("reference")
    write_tiny_run(base, folder, LONG)
    assert run(folder) == Exit.SUCCEEDED
    return folder


def write_tiny_run(base: Path, folder: Path, recipe: Recipe) -> None:
    write_run(folder, base_model=str(base), base_sha256=base_sha256(base), recipe=recipe, seed=0, rows=make_rows())


@pytest.mark.bar("R11")
def test_killed_at_random_steps_a_run_ends_in_the_same_adapter(
    make_run: MakeRun, reference: Path, start_kernel: Start, count: Callable[[int, int], int]
):
    kills = count(3, 10)
    source = random.Random("kills")
    folder = make_run(recipe=LONG, eval_rows=[])
    for number in range(kills):
        process = start_kernel("run", folder)
        first, last = (max(1, 54 * part // kills) for part in (number, number + 1))
        wait_for_step(folder, process, source.randint(first + 1, last))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    resumed_at = max(int(path.name.split("-")[1]) for path in (folder / "checkpoints").glob("checkpoint-*"))
    assert run(folder) == Exit.SUCCEEDED
    status = read_status(folder)
    assert status is not None
    assert status.resumed_from in (resumed_at, resumed_at - LONG.save_steps)
    assert adapter_sha(folder) == adapter_sha(reference)
    assert [row["step"] for row in read_metrics(folder)] == list(range(1, 61))
    assert [row["loss"] for row in read_metrics(folder)] == [row["loss"] for row in read_metrics(reference)]


@pytest.mark.bar("R11", "3a-36")
def test_a_terminated_run_leaves_a_checkpoint_of_its_last_step_and_resumes(
    make_run: MakeRun, reference: Path, start_kernel: Start
):
    folder = make_run(recipe=LONG, eval_rows=[])
    process = start_kernel("run", folder)
    wait_for_step(folder, process, 7)
    asked = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == Exit.INTERRUPTED
    assert time.monotonic() - asked < 30
    status = read_status(folder)
    assert status is not None
    assert status.state is State.INTERRUPTED
    assert (folder / "checkpoints" / f"checkpoint-{status.step}" / "COMPLETE.json").exists()
    assert not (folder / "adapter").exists()

    assert run(folder) == Exit.SUCCEEDED
    resumed = read_status(folder)
    assert resumed is not None
    assert resumed.resumed_from == status.step
    assert adapter_sha(folder) == adapter_sha(reference)


@pytest.fixture(scope="module")
def finished(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    write_tiny_run(base, folder, SHORT)
    assert run(folder) == Exit.SUCCEEDED
    return folder


@pytest.mark.bar("R11")
@pytest.mark.parametrize("name", ["adapter_model.safetensors", "optimizer.pt", "rng_state.pth", "COMPLETE.json"])
def test_with_its_newest_checkpoint_damaged_a_run_goes_on_from_the_one_before(
    finished: Path, tmp_path: Path, name: str
):
    folder = shutil.copytree(finished, tmp_path / "damaged")
    (folder / "MANIFEST.sha256").unlink()
    damaged = folder / "checkpoints" / "checkpoint-12" / name
    os.truncate(damaged, damaged.stat().st_size // 2)
    assert run(folder) == Exit.SUCCEEDED
    status = read_status(folder)
    assert status is not None
    assert status.resumed_from == 8
    assert (folder / "checkpoints" / "bad-checkpoint-12").is_dir()
    assert adapter_sha(folder) == adapter_sha(finished)
