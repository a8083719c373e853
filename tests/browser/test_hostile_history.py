"""Hostile text where the admin shows what became of a row."""

from collections.abc import Callable, Collection

import pytest

from tests.browser.hostile.pages import SHARED


@pytest.mark.bar("S5", "3a-51", "3a-52")
def test_hostile_text_is_text_in_histories(hostile_tour: Callable[[Collection[str]], None]) -> None:
    hostile_tour([route for route in SHARED if route.endswith("/history/")])
