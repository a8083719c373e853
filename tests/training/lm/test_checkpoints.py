from __future__ import annotations

from pathlib import Path

import pytest

from training.lm import checkpoints


def make_checkpoint(folder: Path, step: int, *, sealed: bool = True) -> Path:
    checkpoint = folder / f"checkpoint-{step}"
    checkpoint.mkdir(parents=True)
    for name in ("adapter_model.safetensors", "optimizer.pt", "trainer_state.json"):
        (checkpoint / name).write_bytes(f"{name} {step}".encode() * 10)
    if sealed:
        checkpoints.seal(checkpoint)
    return checkpoint


def truncate(checkpoint: Path, name: str) -> None:
    data = (checkpoint / name).read_bytes()
    (checkpoint / name).write_bytes(data[: len(data) // 2])


def test_no_folder_means_no_checkpoint(tmp_path: Path):
    assert checkpoints.newest_whole(tmp_path / "none") is None


def test_the_newest_is_the_highest_number_not_the_last_name(tmp_path: Path):
    for step in (9, 10, 100):
        make_checkpoint(tmp_path, step)
    newest = checkpoints.newest_whole(tmp_path)
    assert newest is not None
    assert checkpoints.step_of(newest) == 100


@pytest.mark.bar("R11")
@pytest.mark.parametrize("name", ["adapter_model.safetensors", "optimizer.pt", "trainer_state.json", "COMPLETE.json"])
@pytest.mark.parametrize("fault", ["truncated", "missing", "one bit"])
def test_a_damaged_checkpoint_is_set_aside_for_the_one_before(tmp_path: Path, name: str, fault: str):
    make_checkpoint(tmp_path, 5)
    damaged = make_checkpoint(tmp_path, 10) / name
    if fault == "missing":
        damaged.unlink()
    elif fault == "truncated":
        truncate(damaged.parent, name)
    else:
        data = bytearray(damaged.read_bytes())
        data[len(data) // 2] ^= 1
        damaged.write_bytes(data)
    assert checkpoints.newest_whole(tmp_path) == tmp_path / "checkpoint-5"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad-checkpoint-10", "checkpoint-5"]


def test_the_same_step_can_be_set_aside_twice(tmp_path: Path):
    for _ in range(2):
        make_checkpoint(tmp_path, 10, sealed=False)
        assert checkpoints.newest_whole(tmp_path) is None
    assert len(list(tmp_path.iterdir())) == 2


def test_two_are_kept(tmp_path: Path):
    for step in (5, 10, 15):
        make_checkpoint(tmp_path, step)
    checkpoints.keep_newest(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-10", "checkpoint-15"]


def test_what_was_being_written_is_dropped(tmp_path: Path):
    make_checkpoint(tmp_path, 5)
    make_checkpoint(tmp_path, 10, sealed=False)
    checkpoints.drop_half_made(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-5"]
