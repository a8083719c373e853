"""See servers.py; a world for the tests of invariants, made once for a file; and what many tests stand on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labelhub.jobs.canary import listen
from labelhub.jobs.models import Job
from labelhub.jobs.tasks import run as run_job
from tests.training.servers import adapters_folder, models, processes, server_url
from tests.training.worlds import Trained, trained_world
from tests.worlds import undone_after

__all__ = ["adapters_folder", "models", "processes", "server_url"]


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[Trained]:
    with django_db_blocker.unblock(), undone_after():
        yield trained_world()


@pytest.fixture
def own_folder(settings: Any, tmp_path: Path) -> Path:
    """A data folder that no other test sees."""
    settings.DATA_DIR = tmp_path
    return tmp_path


@pytest.fixture
def worker(db: None) -> None:
    """The training worker has just been heard of."""
    listen("training")
    run_job(Job.objects.due().get(cluster="training").pk)
