"""`run DIR` from the outside: what it writes, what it refuses, how it ends."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.training.lm.tiny import SHORT, make_row, make_rows
from training.lm.adapter_files import read_adapter, read_manifest
from training.lm.contract import Exit, State, Status, read_metrics, read_status
from training.lm.draw import draw_order
from training.lm.files import sha256_file
from training.lm.run import run
from training.lm.work import Busy, perform

MakeRun = Callable[..., Path]


def status_of(folder: Path) -> Status:
    status = read_status(folder)
    assert status is not None
    return status


def adapter_sha(folder: Path) -> str:
    return sha256_file(folder / "adapter" / "adapter_model.safetensors")


@pytest.fixture(scope="module")
def done(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that succeeded; tests look at it and copy it."""
    from training.lm.base_folder import base_sha256
    from training.lm.specs import write_run

    folder = tmp_path_factory.mktemp("done")
    write_run(
        folder,
        base_model=str(base),
        base_sha256=base_sha256(base),
        recipe=SHORT,
        seed=0,
        rows=make_rows(),
        eval_rows=[make_row(90), make_row(91)],
    )
    assert run(folder) == Exit.SUCCEEDED
    return folder


def test_a_run_leaves_an_adapter_and_a_manifest_that_vouches_for_it(done: Path):
    status = status_of(done)
    assert (status.state, status.step, status.max_steps, status.reason) == (State.SUCCEEDED, 12, 12, "")
    assert status.tokens > 0
    assert set(read_manifest(done)) > {"adapter/adapter_model.safetensors", "spec.json", "train.jsonl"}
    assert read_adapter(done / "adapter").shape.r == 4


def test_a_run_leaves_no_pickle_and_no_path_in_what_it_publishes(done: Path, base: Path):
    assert sorted(path.name for path in (done / "adapter").iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    config = json.loads((done / "adapter" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "base"
    published = b"".join(path.read_bytes() for path in (done / "adapter").iterdir())
    assert str(base).encode() not in published
    assert str(done).encode() not in published


def test_every_step_is_logged_once_with_its_figures(done: Path):
    metrics = read_metrics(done)
    assert [row["step"] for row in metrics] == list(range(1, 13))
    assert set(metrics[0]) == {
        "step",
        "max_steps",
        "loss",
        "eval_loss",
        "learning_rate",
        "grad_norm",
        "tokens_per_s",
        "elapsed_s",
    }
    assert [row["step"] for row in metrics if row["eval_loss"] is not None] == [6, 12]
    assert metrics[-1]["loss"] < metrics[0]["loss"]


def test_a_run_that_is_done_is_not_done_again(done: Path):
    before = status_of(done)
    assert run(done) == Exit.SUCCEEDED
    assert status_of(done) == before


@pytest.mark.bar("3a-47")
def test_the_same_seed_and_rows_give_the_same_bytes(done: Path, make_run: MakeRun):
    again, other = make_run(), make_run(seed=1)
    assert run(again) == run(other) == Exit.SUCCEEDED
    assert adapter_sha(again) == adapter_sha(done) != adapter_sha(other)


def test_a_run_goes_on_from_an_earlier_adapter(done: Path, make_run: MakeRun):
    folder = make_run(spec={"continue_from": str(done / "adapter")}, recipe=replace(SHORT, max_steps=4))
    assert run(folder) == Exit.SUCCEEDED
    assert read_metrics(folder)[0]["loss"] < read_metrics(done)[0]["loss"]
    assert adapter_sha(folder) != adapter_sha(done)


def truncated(base: Path) -> None:
    data = (base / "model.safetensors").read_bytes()
    (base / "model.safetensors").write_bytes(data[: len(data) // 2])


def with_own_code(base: Path) -> None:
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps({**config, "auto_map": {"AutoModelForCausalLM": "x.Y"}}))


@pytest.mark.bar("3a-43")
@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (truncated, "sha256 differs"),
        (with_own_code, "auto_map"),
        (lambda base: (base / "model.safetensors").unlink(), "model.safetensors"),
        (lambda base: (base / "tokenizer.json").unlink(), "tokenizer"),
        (lambda base: (base / "chat_template.jinja").unlink(), "chat template"),
        (lambda base: (base / "config.json").unlink(), "config.json"),
        (shutil.rmtree, "does not exist"),
    ],
    ids=["truncated", "own code", "no weights", "no tokenizer", "no template", "no config", "no folder"],
)
def test_a_base_that_is_not_whole_is_refused(
    make_run: MakeRun, copied_base: Path, spoil: Callable[[Path], Any], says: str
):
    folder = make_run(model=copied_base)
    spoil(copied_base)
    assert_refused(folder, says)


@pytest.mark.parametrize(
    ("over", "says"),
    [
        ({"base_sha256": "0" * 64}, "sha256 differs"),
        ({"dataset_sha256": "0" * 64}, "dataset"),
        ({"recipe": {**SHORT.to_json(), "max_length": 8}}, "longer than 8 tokens: rows r0, r1"),
        ({"recipe": {**SHORT.to_json(), "learning_rate": 9}}, "learning_rate"),
        ({"continue_from": "/nowhere"}, "an adapter is a folder"),
    ],
    ids=lambda over: next(iter(over)) if isinstance(over, dict) else None,
)
def test_a_spec_that_cannot_hold_is_refused(make_run: MakeRun, over: dict[str, Any], says: str):
    assert_refused(make_run(spec=over), says)


@pytest.mark.bar("3a-41")
@pytest.mark.parametrize("rows", [[], [make_row(1)], [make_row(1), make_row(1, id="again")]], ids=len)
def test_a_dataset_with_nothing_to_tell_apart_is_refused(make_run: MakeRun, rows: list[Any]):
    assert_refused(make_run(rows=rows), r"no rows|one distinct")


def test_an_adapter_of_another_rank_is_refused(done: Path, make_run: MakeRun):
    assert_refused(make_run(spec={"continue_from": str(done / "adapter")}, recipe=replace(SHORT, lora_r=8)), "rank 4")


def assert_refused(folder: Path, says: str) -> None:
    import re

    assert run(folder) == Exit.REFUSED
    status = status_of(folder)
    assert status.state is State.FAILED
    assert status.reason.startswith("Refused: ")
    assert re.search(says, status.reason), status.reason
    assert status.step == 0
    assert not (folder / "adapter").exists()
    assert not (folder / "checkpoints").exists()


def test_a_folder_at_work_is_left_alone(make_run: MakeRun):
    folder = make_run()
    seen: list[bool] = []

    def body(_: Path, __: object) -> Status:
        with pytest.raises(Busy):
            run(folder)
        seen.append(True)
        return Status(State.SUCCEEDED)

    assert perform(folder, body) == Exit.SUCCEEDED
    assert seen


def test_a_cancel_before_the_start_trains_nothing(make_run: MakeRun):
    folder = make_run()
    (folder / "cancel").touch()
    assert run(folder) == Exit.CANCELLED
    assert status_of(folder).state is State.CANCELLED
    assert not (folder / "checkpoints").exists()


def test_a_cancel_stops_at_the_next_step(make_run: MakeRun):
    folder = make_run(recipe=replace(SHORT, max_steps=400, save_steps=100))
    seen: list[int] = []

    def cancel() -> None:
        while not seen:
            status = read_status(folder)
            if status is not None and status.step >= 3:
                seen.append(status.step)
                (folder / "cancel").touch()
            time.sleep(0.001)

    watcher = threading.Thread(target=cancel)
    watcher.start()
    code = run(folder)
    watcher.join()
    assert code == Exit.CANCELLED
    status = status_of(folder)
    assert status.state is State.CANCELLED
    assert status.step <= seen[0] + 2
    assert not (folder / "adapter").exists()


@pytest.fixture
def poisonable_base(tmp_path: Path) -> Path:
    """A base for which the sign ~ is no number."""
    import torch
    from transformers import AutoModelForCausalLM

    from tests.training.lm.tiny import build_base
    from training.lm.tokens import load_tokenizer

    folder = build_base(tmp_path / "poisonable", tied=False)
    model = AutoModelForCausalLM.from_pretrained(folder)
    token = load_tokenizer(folder).convert_tokens_to_ids("~")
    with torch.no_grad():
        model.get_input_embeddings().weight[token] = float("nan")
    model.save_pretrained(folder)
    return folder


@pytest.mark.bar("R12", "3a-40")
def test_a_loss_that_is_no_number_stops_the_run_in_that_step_and_names_its_rows(
    make_run: MakeRun, poisonable_base: Path
):
    rows = make_rows(corrections=2, others=30)
    recipe = replace(SHORT, correction_share=0.25, save_steps=2)
    victim = draw_order(rows, recipe, seed=0)[6 * recipe.batch_size + 1]
    rows[victim] = replace(rows[victim], id="poison", prompt=({"role": "user", "content": "~"},))
    folder = make_run(rows=rows, recipe=recipe, model=poisonable_base, eval_rows=[])
    step = draw_order(rows, recipe, seed=0).index(victim) // recipe.batch_size + 1

    assert run(folder) == Exit.FAILED
    status = status_of(folder)
    assert status.state is State.FAILED
    assert f"step {step}: the loss became nan" in status.reason
    assert "poison" in status.reason
    assert [row["step"] for row in read_metrics(folder)] == list(range(1, step))
    assert not (folder / "adapter").exists()
    assert not (folder / "MANIFEST.sha256").exists()


@pytest.mark.bar("R12")
def test_a_gradient_that_overflows_stops_the_run_though_its_loss_is_finite(make_run: MakeRun, poisonable_base: Path):
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(poisonable_base)
    with torch.no_grad():
        model.lm_head.weight.mul_(1e24)
    model.save_pretrained(poisonable_base)
    folder = make_run(model=poisonable_base, eval_rows=[])
    assert run(folder) == Exit.FAILED
    assert "step 1: the gradient norm became" in status_of(folder).reason
    assert not (folder / "adapter").exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 300 KiB; only root may make one."""
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", folder], check=False).returncode:
        pytest.skip("mounting a small file system is not allowed here")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.bar("R13")
def test_a_full_disk_fails_in_words_and_the_run_resumes_once_there_is_space(
    make_run: MakeRun, small_disk: Path, tmp_path: Path
):
    elsewhere = make_run(recipe=replace(SHORT, lora_r=16, save_steps=2))
    folder = shutil.copytree(elsewhere, small_disk / "run")
    assert run(folder) == Exit.FAILED
    status = status_of(folder)
    assert status.state is State.FAILED
    assert "disk is full" in status.reason
    assert not (folder / "adapter").exists()
    assert not (folder / "MANIFEST.sha256").exists()
    assert all((path / "COMPLETE.json").exists() for path in (folder / "checkpoints").iterdir())

    roomy = shutil.copytree(folder, tmp_path / "roomy")
    assert run(roomy) == run(elsewhere) == Exit.SUCCEEDED
    assert adapter_sha(roomy) == adapter_sha(elsewhere)
    assert status_of(roomy).resumed_from == 2
