"""A queue as a list in Chromium: chosen, judged, given out and undone by keyboard alone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from annotations.review.models import Assignment, Label, Queue, ReviewTask
from labelhub.projects.rights import Role
from tests.factories import make_interaction, make_member, make_project, make_queue, make_task

pytestmark = pytest.mark.usefixtures("hashed_static")


@pytest.fixture
def queue(transactional_db: None) -> Queue:
    queue = make_queue(make_project(), slug="care", name="Care")
    for n in range(1, 7):
        make_task(queue, interaction=make_interaction(queue.project, prompt=f"Question {n}?"))
    return queue


@pytest.fixture
def opened(site: str, queue: Queue, sign_in: Callable[..., Page]) -> Page:
    page = sign_in(make_member(queue.project, Role.MODERATOR, name="Mona"))
    page.goto(f"{site}/p/{queue.project.slug}/q/care/tasks/")
    return page


def chosen(page: Page) -> list[str]:
    return [box.get_attribute("aria-labelledby") or "" for box in page.locator("input[name=task]:checked").all()]


def test_alike_answers_are_chosen_judged_and_taken_back_by_keyboard(opened: Page) -> None:
    page = opened
    for key in ("j", "x", "j", "j", "Shift+X"):
        page.keyboard.press(key)
    expect(page.locator(".chosen")).to_have_text("3 chosen")
    page.keyboard.press("2")
    expect(page.locator("#toasts")).to_contain_text("3 answers judged.")
    expect(page.locator("input[name=task]")).to_have_count(3)
    page.keyboard.press("u")
    expect(page.locator("input[name=task]")).to_have_count(6)
    assert ReviewTask.objects.open().count() == 6


def test_with_nothing_chosen_a_key_judges_the_current_one_and_the_next_is_current(opened: Page) -> None:
    page = opened
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("1")
    expect(page.locator("input[name=task]")).to_have_count(5)
    assert Label.objects.get().task.interaction.prompt == "Question 5?"
    expect(page.locator("input[name=task]:focus")).to_have_count(1)
    page.keyboard.press("a")
    expect(page.locator("input[name=task]")).to_have_count(4)
    assert Label.objects.get(verdict="good").task.interaction.prompt == "Question 4?"


def test_the_chosen_ones_are_given_to_somebody_by_keyboard(opened: Page, queue: Queue) -> None:
    page, expert = opened, make_member(queue.project, name="Anna")
    page.reload()
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("g")
    page.get_by_label("Anna").check()
    page.keyboard.press("Control+Enter")
    expect(page.locator("#toasts")).to_contain_text("1 given to Anna.")
    expect(page.locator(".picks-list")).to_contain_text("given to Anna")
    assert Assignment.objects.get().to == expert
