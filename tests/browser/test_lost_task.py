"""The task is gone while somebody writes: they are told so, and their words are theirs to take away."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from annotations.review.models import ReviewTask
from labelhub.projects.actions import remove_member
from labelhub.projects.models import Membership
from labelhub.projects.rights import Role
from tests.browser.complaints import Complaints
from tests.factories import make_interaction, make_member, make_project, make_queue, make_task


def is_deleted(task: ReviewTask) -> None:
    task.interaction.delete()


def is_taken_from_them(task: ReviewTask) -> None:
    members = Membership.objects.filter(project=task.project)
    remove_member(task.project, members.get(role=Role.EXPERT).user, by=members.get(role=Role.ADMIN).user)


@pytest.mark.parametrize(
    "gone",
    [
        pytest.param(is_deleted, marks=pytest.mark.bar("3a-24")),
        pytest.param(is_taken_from_them, marks=pytest.mark.bar("3a-23")),
    ],
)
def test_what_was_written_on_a_task_that_is_gone_can_be_downloaded(
    site: str, sign_in: Callable[..., Page], complaints: Complaints, tmp_path: Path, gone: Callable[[ReviewTask], None]
) -> None:
    complaints.expected.append("404")
    project = make_project()
    queue = make_queue(project)
    task = make_task(queue, make_interaction(project))
    page = sign_in(make_member(project))
    page.goto(f"{site}/p/{project.slug}/q/{queue.slug}/")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#output")).to_be_visible()
    gone(task)
    page.keyboard.press("1")
    page.fill("#rewrite", "Ich weiß es besser: 39 €")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#toasts")).to_contain_text("There is nothing here any more")
    expect(page.locator("#saved")).to_contain_text("Not saved, kept in this tab")
    page.locator("#rewrite").press("End")
    page.keyboard.type(" 🙂")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download what you wrote").click()
    download.value.save_as(tmp_path / "draft.txt")
    said = (tmp_path / "draft.txt").read_text()
    assert "rewrite:\nIch weiß es besser: 39 € 🙂" in said
    assert "category:\nfactually-incorrect" in said
    assert "csrf" not in said
