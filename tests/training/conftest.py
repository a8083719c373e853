"""See servers.py; and a world for the tests of invariants, made once for a file."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.training.servers import adapters_folder, models, processes, server_url
from tests.training.worlds import Trained, trained_world
from tests.worlds import undone_after

__all__ = ["adapters_folder", "models", "processes", "server_url"]


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[Trained]:
    with django_db_blocker.unblock(), undone_after():
        yield trained_world()
