"""axe finds nothing on the board of cases and on the page of one, in any scheme or width."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from annotations.review.actions.approvals import approve
from annotations.triage.actions.decisions import dismiss, route
from annotations.triage.actions.flags import raise_flags, rules_of
from annotations.triage.models import Flag
from labelhub.projects.models import Project
from labelhub.projects.rights import Role
from tests.browser.axe import LOOKS, violations
from tests.factories import (
    make_feedback,
    make_interaction,
    make_label,
    make_member,
    make_project,
    make_queue,
    make_task,
)


def reported(project: Project) -> None:
    """Reported, open, sent to experts, dismissed, judged and approved, one of each."""
    moderator, queue = make_member(project, Role.MODERATOR, name="Omar"), make_queue(project, name="Support")
    asked = [make_interaction(project, prompt=f"Question {n}: until when can I send the stove back?") for n in range(6)]
    for one in asked:
        make_feedback(one)
    for one in asked[:3]:
        raise_flags(project, [(rules_of(project)[0], one, "thumb down")])
    flags = list(Flag.objects.order_by("pk"))
    route(flags[1].session, queue=queue, by=moderator)
    dismiss(flags[2].session, by=moderator, reason="test traffic")
    make_label(make_task(queue, asked[3]), make_member(project))
    approve(make_label(make_task(queue, asked[4]), make_member(project)), by=moderator)


@pytest.mark.parametrize(("width", "media"), LOOKS)
def test_everybody_can_read_where_cases_stand(
    site: str, sign_in: Callable[..., Page], width: int, media: dict[str, str]
) -> None:
    project = make_project()
    page = sign_in(make_member(project, Role.MODERATOR), viewport={"width": width, "height": 800})
    page.emulate_media(**media)  # type: ignore[arg-type]
    page.goto(f"{site}/p/{project.slug}/cases/")
    expect(page.get_by_role("heading", name="No cases yet")).to_be_visible()
    assert not violations(page)
    reported(project)
    page.reload()
    expect(page.locator(".case-row")).to_have_count(6)
    assert not violations(page)
    page.get_by_role("link", name="Question 4").click()
    expect(page.locator(".timeline li")).to_have_count(8)
    assert not violations(page)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
