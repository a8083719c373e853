"""Fixtures: the inference server that embeds and answers, a data folder beside it, processes on the test's database."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import pytest
from django.db import connection

from tests.model_server import running_server


@pytest.fixture(scope="session")
def adapters_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data") / "adapters"


@pytest.fixture(scope="session")
def server_url(adapters_folder: Path) -> Iterator[str]:
    adapters_folder.mkdir()
    with running_server(adapters_folder) as url:
        yield url


@pytest.fixture
def models(server_url: str, adapters_folder: Path, settings: Any) -> str:
    """Chat and embeddings by URL, and adapters stored where that server looks for them."""
    settings.LABELHUB_CHAT_URL = settings.LABELHUB_EMBED_URL = server_url
    settings.DATA_DIR = adapters_folder.parent
    return server_url


@pytest.fixture
def processes(transactional_db: None, models: str, monkeypatch: pytest.MonkeyPatch, adapters_folder: Path) -> None:
    """What the code under test starts works on this test's database, data folder and model server."""
    address = urlsplit(os.environ["DATABASE_URL"])._replace(path="/" + quote(connection.settings_dict["NAME"]))
    monkeypatch.setenv("DATABASE_URL", urlunsplit(address))
    monkeypatch.setenv("LABELHUB_DATA_DIR", str(adapters_folder.parent))
    monkeypatch.setenv("LABELHUB_CHAT_URL", models)
    monkeypatch.setenv("LABELHUB_EMBED_URL", models)
