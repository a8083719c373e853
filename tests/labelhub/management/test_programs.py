"""Which programs a site consists of; a model that is not on this machine is told before any of them starts."""

from pathlib import Path

import pytest
from django.conf import settings as site
from django.core.management.base import CommandError

from labelhub.management.programs import addresses, programs


@pytest.fixture(autouse=True)
def ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Chat and embeddings are served here, and nothing was downloaded from the hub."""
    for name in ("LABELHUB_CHAT_URL", "LABELHUB_EMBED_URL", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("setting", ["LABELHUB_BASE_MODEL", "LABELHUB_ENCODER"])
def test_a_model_that_was_not_downloaded_is_told_once_with_what_to_do(settings, setting: str):
    setattr(settings, setting, "people/absent")
    with pytest.raises(CommandError, match="hf download people/absent") as told:
        programs(addresses("127.0.0.1", 8000, inference=True))
    assert setting in str(told.value)
    assert "--no-inference" in str(told.value)


def test_a_hub_id_that_was_downloaded_is_served(settings, ours: Path):
    model = ours / "hub" / "models--people--starter"
    (model / "refs").mkdir(parents=True)
    (model / "refs" / "main").write_text("0123abc")
    (model / "snapshots").mkdir()
    (model / "snapshots" / "0123abc").symlink_to(site.LABELHUB_BASE_MODEL)
    settings.LABELHUB_BASE_MODEL = "people/starter"
    *_, inference = programs(addresses("127.0.0.1", 8000, inference=True))
    assert inference.command[inference.command.index("--base") + 1] == "people/starter"
    assert "--check" not in inference.command


def test_models_that_are_served_elsewhere_are_not_looked_for(settings, monkeypatch: pytest.MonkeyPatch):
    settings.LABELHUB_BASE_MODEL = settings.LABELHUB_ENCODER = "people/absent"
    assert len(programs(addresses("127.0.0.1", 8000, inference=False))) == 4
    monkeypatch.setenv("LABELHUB_CHAT_URL", "http://models.example/v1")
    assert len(programs(addresses("127.0.0.1", 8000, inference=True))) == 4
