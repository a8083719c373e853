"""Hostile text in the lists of the admin and on its pages of one row.

In a file apart from the site's pages and from what is deleted: `make verify` opens ten thousand pages, three files at once.
"""

from collections.abc import Callable, Collection

import pytest
from playwright.sync_api import Page

from tests.browser.complaints import Complaints
from tests.browser.hostile.pages import ADMINISTERED, PAGES, SHARED
from tests.browser.hostile.tour import REFUSED
from tests.factories import make_user


@pytest.mark.bar("S5", "3a-51", "3a-52")
def test_hostile_text_is_text_in_the_admin(hostile_tour: Callable[[Collection[str]], None]) -> None:
    admin = [route for route in [*PAGES, *SHARED] if route.startswith("admin/")]
    hostile_tour([route for route in admin if not route.endswith(("/history/", "/delete/"))])


def test_a_path_out_of_the_folder_is_no_row_of_the_admin(
    site: str, watched: Callable[..., Page], complaints: Complaints
) -> None:
    complaints.expected.append(REFUSED)
    page = watched(make_user("walker", is_superuser=True))
    for model in ADMINISTERED:
        answer = page.goto(
            f"{site}/admin/{model._meta.app_label}/{model._meta.model_name}/..%2F..%2F..%2Fetc%2Fpasswd/"
        )
        assert answer is not None
        assert answer.status == 404, f"{model.__name__}: {answer.status}"
