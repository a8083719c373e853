"""A comment is talked about: from the approval page to the author's notice, and back by the comment's address."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from annotations.review.models import Label
from labelhub.projects.rights import Role
from tests.factories import FLAWED, make_label, make_member, make_project, make_queue, make_task

SPAN = {"start": 18, "end": 20, "exact": "45", "text": "The new list says 39.", "category": "factually-incorrect"}


@pytest.fixture
def label(transactional_db: None) -> Label:
    project = make_project(name="Fernway support")
    expert = make_member(project, name="Ines Pereira")
    payload = {
        **FLAWED,
        "rewrite": "The lantern costs 39 euros.",
        "comments": [SPAN, {**SPAN, "start": 4, "end": 11, "exact": "lantern", "text": "Which one?"}],
    }
    return make_label(make_task(make_queue(project)), expert, **payload)


def test_a_reply_reaches_the_author_who_answers_at_the_comment_and_settles_it(
    site: str, label: Label, sign_in: Callable[..., Page]
) -> None:
    moderator = make_member(label.project, Role.MODERATOR, name="Omar Haddad")
    page = sign_in(moderator)
    page.goto(f"{site}/p/{label.project.slug}/approvals/{label.pk}/")
    thread = page.locator("#thread-" + str(label.comments.get(exact="45").pk))
    thread.locator("summary").click()
    thread.locator("textarea").fill("@InesPereira since when?")
    thread.get_by_role("button", name="Reply").click()
    expect(thread.locator(".reply")).to_contain_text("since when?")

    author = sign_in(label.author)
    author.get_by_role("button", name="1 new notice").click()
    author.get_by_role("link", name="Notices 1 new").click()
    author.locator(".notices a").click()
    expect(author.locator(".note:target")).to_contain_text("since when?")
    thread = author.locator(".note:target .thread")
    thread.locator("summary").click()
    thread.locator("textarea").fill("Since May.")
    thread.get_by_role("button", name="Reply").click()
    expect(thread.locator(".reply")).to_have_count(2)
    thread.get_by_role("button", name="Resolve").click()
    expect(thread).to_contain_text("Resolved by Ines Pereira")
    thread.get_by_role("button", name="Open again").click()
    expect(thread).not_to_contain_text("Resolved")
