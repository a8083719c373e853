"""Nested categories in Chromium: written as an outline, chosen by keyboard."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from annotations.review.models import Label
from labelhub.projects.rights import Role
from tests.factories import make_member, make_project, make_queue, make_task

NESTED = "unsafe | Unsafe\n  dose | Wrong dose\n  mix | Wrong mixture\nother | Other"


def test_a_kind_of_fault_takes_the_place_of_what_it_lies_below(
    site: str, transactional_db: None, sign_in: Callable[..., Page]
) -> None:
    project = make_project()
    make_task(make_queue(project, slug="care"))
    page = sign_in(make_member(project, Role.MODERATOR))
    page.goto(f"{site}/p/{project.slug}/taxonomy/")
    page.locator("#text").fill(NESTED)
    page.get_by_role("button", name="Save as version 2").click()
    expect(page.locator("#toasts")).to_contain_text("Saved as version 2")

    page.goto(f"{site}/p/{project.slug}/q/care/")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#output")).to_be_visible()
    page.keyboard.press("1")
    expect(page.get_by_label("Unsafe", exact=True)).to_be_checked()
    page.keyboard.press("2")
    page.keyboard.press("3")
    expect(page.get_by_label("Unsafe", exact=True)).not_to_be_checked()
    left = [page.locator(f".cat:has([value={slug}])").bounding_box()["x"] for slug in ("unsafe", "dose")]  # type: ignore[index]
    assert left[0] < left[1]
    page.keyboard.press("Control+Enter")
    expect(page.locator("#toasts")).to_contain_text("Submitted")
    assert {one.category.slug for one in Label.objects.get().categories.all()} == {"dose", "mix"}
