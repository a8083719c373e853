"""An output of any length or script is judged on a phone: nothing sticks out to the side, and the form works below it."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from annotations.review.models import Label
from tests.factories import make_interaction, make_member, make_project, make_queue, make_task

MIB = 1024 * 1024
LONG = {  # one sixteenth of each in the small count: a browser lays out a MiB for many seconds
    "one line": "Donaudampfschifffahrt" * (MIB // 21),
    "line ends": "\n" * 200_000,
    "right to left": "مرحبا\u200f بكم " * 20_000,
    "joined characters": "👩\u200d👩\u200d👧\u200d👦" * (MIB // 32),
}
SLOW_MS = 240_000


@pytest.mark.bar("3a-15")
@pytest.mark.parametrize("kind", LONG)
def test_an_output_of_any_length_is_judged_on_a_phone(
    site: str, sign_in: Callable[..., Page], kind: str, count: Callable[[int, int], int]
) -> None:
    output = LONG[kind][: len(LONG[kind]) // count(16, 1)] + "end"
    queue = make_queue(make_project())
    make_task(queue, make_interaction(queue.project, output=output))
    expert = make_member(queue.project)
    page = sign_in(expert, viewport={"width": 390, "height": 844})
    page.set_default_timeout(SLOW_MS)
    page.goto(f"{site}/p/{queue.project.slug}/q/{queue.slug}/")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#output")).to_be_visible(timeout=SLOW_MS)
    assert page.evaluate("document.querySelector('#output').textContent.length") >= len(output)
    page.locator("#rewrite").fill("Shorter, please.")
    expect(page.locator("#saved")).to_contain_text("Saved", timeout=SLOW_MS)
    root = "document.documentElement"
    assert page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth"), "it scrolls to the side"
    page.get_by_role("button", name="Submit and next").click()
    expect(page.locator("#screen")).to_contain_text("Nothing left for you here", timeout=SLOW_MS)
    assert Label.objects.get(author=expert).rewrite == "Shorter, please."
