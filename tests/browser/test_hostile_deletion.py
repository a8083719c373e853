"""Hostile text where the admin asks whether to delete a row."""

from collections.abc import Callable, Collection

import pytest

from tests.browser.hostile.pages import SHARED


@pytest.mark.bar("S5", "3a-51", "3a-52")
def test_hostile_text_is_text_before_deletion(hostile_tour: Callable[[Collection[str]], None]) -> None:
    hostile_tour([route for route in SHARED if route.endswith("/delete/")])
