"""The desk on a phone: one column, targets for a finger, a selection by its handles."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from annotations.review.models import Label, Queue
from tests.factories import make_interaction, make_member, make_project, make_queue, make_task

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
FINGER = 44
# What can be pressed and is smaller than a finger. A line of text within words is none (WCAG 2.5.8, inline).
SMALL = """(least) => [...document.querySelectorAll("button, summary, input, a, label.toggle, .seg label, .how-bad label")]
  .filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.closest("p") && one.type !== "hidden")
  .map((one) => [one, (one.closest("label, .cat") || one).getBoundingClientRect()])
  .filter(([one, box]) => box.width > 0 && box.height > 0 && box.height < least && !one.matches(".skip-link"))
  .map(([one, box]) => `${Math.round(box.width)}×${Math.round(box.height)} ${one.outerHTML.slice(0, 120)}`)"""


@pytest.fixture
def queue(transactional_db: None) -> Queue:
    queue = make_queue(make_project(), slug="care")
    make_task(queue, make_interaction(queue.project, output="The lantern costs 45 euros, shipping is free."))
    return queue


@pytest.fixture
def desk(site: str, queue: Queue, sign_in: Callable[..., Page]) -> Page:
    page = sign_in(make_member(queue.project), **PHONE)
    page.goto(f"{site}/p/{queue.project.slug}/q/care/")
    page.get_by_role("button", name="Take the first").tap()
    expect(page.locator("#output")).to_be_visible()
    return page


@pytest.mark.parametrize("width", [390, 320])
def test_everything_stands_in_one_column(desk: Page, width: int) -> None:
    desk.set_viewport_size({"width": width, "height": 800})
    assert desk.evaluate("document.documentElement.scrollWidth <= innerWidth")
    trail, verdict = (desk.locator(place).bounding_box() for place in (".trail", ".verdict"))
    assert trail
    assert verdict
    assert trail["width"] == verdict["width"] == width
    assert verdict["y"] >= trail["y"] + trail["height"]


def test_what_is_pressed_is_as_large_as_a_finger(desk: Page) -> None:
    assert desk.evaluate(SMALL, FINGER) == []


def test_a_selection_by_its_handles_opens_the_comment_below_it(desk: Page) -> None:
    desk.evaluate(
        """() => {
            const node = document.querySelector("#output").firstChild, start = node.data.indexOf("45");
            getSelection().setBaseAndExtent(node, start, node, start + 2);
        }"""
    )
    panel = desk.locator(".comment-panel")
    expect(panel).to_be_visible()
    place = panel.bounding_box()
    assert place
    assert place["y"] >= desk.evaluate("[...CSS.highlights.get('picked')][0].getBoundingClientRect().bottom")
    panel.get_by_text("Factually incorrect").tap()
    desk.fill("[name=span_replacement]", "39")
    panel.get_by_role("button", name="Add").tap()
    expect(desk.locator("#output mark")).to_have_text("45")
    desk.locator(".foot").get_by_role("button", name="Submit and next").tap()
    expect(desk.get_by_text("Nothing left for you here")).to_be_visible()
    assert Label.objects.get().rewrite == "The lantern costs 39 euros, shipping is free."


def test_categories_and_how_bad_are_chosen_by_taps(desk: Page) -> None:
    desk.get_by_role("checkbox", name="Too vague").tap()
    expect(desk.get_by_role("checkbox", name="Too vague")).to_be_checked()
    desk.locator("[name=severity-too-vague][value='3']").tap()
    desk.locator(".foot").get_by_role("button", name="Submit and next").tap()
    expect(desk.get_by_text("Nothing left for you here")).to_be_visible()
    assert Label.objects.get().categories.get().severity == 3
