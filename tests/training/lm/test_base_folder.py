"""Names of models: a folder, or a hub id whose files were downloaded before."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.training.lm.test_serve import started
from tests.training.lm.tiny import kernel
from training.lm.base_folder import named_folder
from training.lm.files import Refused


def cached(hub: Path, name: str, folder: Path) -> Path:
    """As the hub's client keeps what it downloaded."""
    model = hub / f"models--{name.replace('/', '--')}"
    (model / "refs").mkdir(parents=True)
    (model / "snapshots").mkdir()
    (model / "refs" / "main").write_text("0123abc")
    (model / "snapshots" / "0123abc").symlink_to(folder)
    return model / "snapshots" / "0123abc"


def test_a_folder_is_itself(base: Path):
    assert named_folder(str(base), {}) == base.resolve()


@pytest.mark.parametrize(
    ("variable", "place"), [("HF_HOME", "hub"), ("HF_HUB_CACHE", "."), ("XDG_CACHE_HOME", "huggingface/hub")]
)
def test_a_hub_id_is_its_snapshot_in_the_cache(base: Path, tmp_path: Path, variable: str, place: str):
    cached(tmp_path / place, "people/tiny", base)
    assert named_folder("people/tiny", {variable: str(tmp_path)}) == base.resolve()


def test_what_was_not_downloaded_says_how_to_get_it(tmp_path: Path):
    with pytest.raises(Refused, match="hf download people/tiny"):
        named_folder("people/tiny", {"HF_HOME": str(tmp_path)})


@pytest.mark.parametrize("name", ["/models/tiny", "./tiny", "a/b/c", "../../etc/passwd", "", "x/.."])
def test_a_folder_that_is_not_there_is_no_hub_id(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Refused, match="is no folder") as refusal:
        named_folder(name, {"HF_HOME": str(tmp_path)})
    assert "hf download" not in str(refusal.value)


def test_the_server_takes_hub_ids(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    cached(tmp_path / "hub", "people/tiny", base)
    process, port = started(tmp_path, "--base", "people/tiny")
    try:
        assert httpx.get(f"http://127.0.0.1:{port}/health").json()["status"] == "ok"
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.parametrize("missing", ["--base", "--encoder"])
def test_a_check_says_what_is_missing_without_serving(
    base: Path, tmp_path: Path, missing: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    there = {"--base": base, "--encoder": base}
    assert kernel("serve", "--check", *(word for pair in there.items() for word in pair)).wait(20) == 0
    lacking = {**there, missing: "people/absent"}
    assert kernel("serve", "--check", *(word for pair in lacking.items() for word in pair)).wait(20) == 2
