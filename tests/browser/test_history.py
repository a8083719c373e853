"""A look back into one's own history from the desk: nothing typed is lost, and the task is still held."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from annotations.review.models import Claim
from tests.factories import make_interaction, make_label, make_member, make_project, make_queue, make_task


def test_one_looks_back_by_keyboard_and_goes_on_where_one_was(
    site: str, transactional_db: None, sign_in: Callable[..., Page]
) -> None:
    queue = make_queue(make_project(), slug="care")
    expert = make_member(queue.project)
    for n in range(3):
        make_label(make_task(queue, make_interaction(queue.project, prompt=f"Question {n}?")), expert)
    make_task(queue, make_interaction(queue.project, prompt="What now?"))
    page = sign_in(expert)
    page.goto(f"{site}/p/{queue.project.slug}/q/care/")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#output")).to_be_visible()
    page.locator("#rewrite").focus()
    page.keyboard.type("half a thought")
    page.keyboard.press("Escape")
    page.keyboard.press("k")
    expect(page.locator("#main h2").first).to_have_text("Question 2?")
    page.keyboard.press("j")
    expect(page.locator("#main h2").first).to_have_text("Question 1?")
    page.keyboard.press("j")
    expect(page.locator("#main h2").first).to_have_text("Question 0?")
    page.keyboard.press("k")
    expect(page.locator("#main h2").first).to_have_text("Question 1?")
    assert Claim.objects.live().filter(by=expert).count() == 1
    page.keyboard.press("d")
    expect(page.locator("#rewrite")).to_have_value("half a thought")
