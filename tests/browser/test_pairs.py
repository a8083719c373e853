"""Pairs in Chromium: one key a choice, by keyboard alone, and one key takes it back."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from annotations.review.actions.pairs import Pair, add_pairs
from annotations.review.models import Label, Queue
from labelhub.projects.rights import Role
from tests.factories import make_interaction, make_member, make_project, make_queue


@pytest.fixture
def queue(transactional_db: None) -> Queue:
    queue = make_queue(make_project(), slug="pairs", mode="pairwise")
    moderator = make_member(queue.project, Role.MODERATOR)
    for n in range(4):
        one = make_interaction(queue.project, prompt=f"Question {n}?", output=f"Answer {n}.")
        add_pairs(queue, [Pair(one.pk, one.output, f"Another answer {n}.")], by=moderator)
    return queue


def test_four_pairs_are_judged_by_one_key_each_and_the_last_is_taken_back(
    site: str, queue: Queue, sign_in: Callable[..., Page]
) -> None:
    page = sign_in(make_member(queue.project))
    page.goto(f"{site}/p/{queue.project.slug}/q/pairs/")
    page.keyboard.press("Control+Enter")
    read = []
    for key in "aben":
        shown = page.locator(".pair .output")
        expect(shown).to_have_count(2)
        read.append(shown.all_text_contents())
        page.keyboard.press("2")
        page.keyboard.press(key)
        expect(page.locator("#toasts")).to_contain_text("Submitted")
        expect(shown.get_by_text(read[-1][0])).to_have_count(0)
    picked = [read[0][0], read[1][1]]
    labels = list(Label.objects.order_by("pk"))
    assert [label.gold for label in labels[:2]] == picked
    assert [label.verdict for label in labels[2:]] == ["equal", "neither"]
    assert all(label.categories.get().category.slug == "too-vague" for label in labels)
    page.keyboard.press("u")
    expect(page.locator(".pair .output").first).to_be_visible()
    expect(page.get_by_role("checkbox", name="Too vague")).to_be_checked()


def test_what_is_noted_of_a_pair_survives_a_reload(site: str, queue: Queue, sign_in: Callable[..., Page]) -> None:
    page = sign_in(make_member(queue.project))
    page.goto(f"{site}/p/{queue.project.slug}/q/pairs/")
    page.keyboard.press("Control+Enter")
    page.get_by_label("Note to the approver").fill("the first is shorter")
    expect(page.locator("draft-state")).to_contain_text("Saved")
    page.reload()
    expect(page.get_by_label("Note to the approver")).to_have_value("the first is shorter")
