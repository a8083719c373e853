"""Hostile text in the lists of the admin and on its pages of one row.

In a file apart from the site's pages and from what is deleted: `make verify` opens ten thousand pages, three files at once.
"""

from collections.abc import Callable, Collection

import pytest

from tests.browser.hostile.pages import PAGES, SHARED


@pytest.mark.bar("S5", "3a-51", "3a-52")
def test_hostile_text_is_text_in_the_admin(hostile_tour: Callable[[Collection[str]], None]) -> None:
    admin = [route for route in [*PAGES, *SHARED] if route.startswith("admin/")]
    hostile_tour([route for route in admin if not route.endswith(("/history/", "/delete/"))])
