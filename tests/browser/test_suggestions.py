"""Suggestions in Chromium: seen beside the categories, taken with one key."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from annotations.review.models import Suggestion, SuggestionOutcome
from labelhub.projects.models import Category
from tests.factories import make_member, make_project, make_queue, make_task


def test_what_is_suggested_is_taken_with_one_key(
    site: str, transactional_db: None, sign_in: Callable[..., Page]
) -> None:
    project = make_project()
    task = make_task(make_queue(project, slug="care", suggests=True))
    for slug, confidence in (("too-vague", 0.81), ("wrong-tone", 0.6)):
        category = Category.objects.get(taxonomy__project=project, slug=slug)
        Suggestion.objects.create(task=task, category=category, confidence=confidence, cases=5)
    page = sign_in(make_member(project))
    page.goto(f"{site}/p/{project.slug}/q/care/")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".cat:has([value=too-vague]) .likely")).to_have_text("81 %")
    page.keyboard.press("1")
    page.keyboard.press("y")
    for name in ("Factually incorrect", "Too vague", "Wrong tone"):
        expect(page.get_by_role("checkbox", name=name)).to_be_checked()
    page.keyboard.press("3")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#toasts")).to_contain_text("Submitted")
    kept = SuggestionOutcome.objects.order_by("suggestion__pk").values_list("suggestion__category__slug", "taken")
    assert list(kept) == [("too-vague", True), ("wrong-tone", False)]
