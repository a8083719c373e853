"""A world for the tests of every slice: made once for a file, and as it was at the beginning of each test."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.worlds import Annotated, annotated_world, undone_after


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[Annotated]:
    with django_db_blocker.unblock(), undone_after():
        yield annotated_world()
