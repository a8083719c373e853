"""The page of scores in Chromium: a number leads to what it counts, and axe finds nothing in any scheme or width."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from labelhub.projects.rights import Role
from tests.browser.axe import LOOKS, violations
from tests.factories import (
    make_approval,
    make_feedback,
    make_interaction,
    make_member,
    make_metric,
    make_project,
    make_rubric,
    make_score,
)


def test_a_share_leads_to_its_answers_and_axe_finds_nothing(
    transactional_db: None, site: str, sign_in: Callable[..., Page], count: Callable[[int, int], int]
) -> None:
    project = make_project(slug="fern")
    moderator = make_member(project, Role.MODERATOR, name="Omar")
    rubric, row = make_rubric(project, by=moderator), make_approval(project).interaction
    make_score(rubric, row, 0.1, note="The price list says 39 euros.", model="judge-1")
    make_score(rubric, make_interaction(project, confidence=0.3), None, note="The model server answered 400.")
    make_score(make_metric(project, "topic", kind="class"), row, None, label="prices")
    make_feedback(row)
    page = sign_in(moderator)
    page.goto(f"{site}/p/fern/triage/")
    page.get_by_role("link", name="Scores").click()
    page.get_by_role("row", name="judge, version 1").get_by_role("link").first.click()
    expect(page.locator("#behind")).to_contain_text("The price list says 39 euros.")
    for width, media in (count(0, 1) and LOOKS) or [LOOKS[0], LOOKS[4]]:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(**media, reduced_motion="reduce")
        assert violations(page) == [], (width, media)
