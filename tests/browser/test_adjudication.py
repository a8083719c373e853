"""Three people say three things: side by side in Chromium, settled by keyboard, and everybody learns of it."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from annotations.review.models import Adjudication, Approval, Label, ReviewTask
from labelhub.notices.models import Notice
from labelhub.projects.models import Project
from labelhub.projects.rights import Role
from tests.factories import FLAWED, make_interaction, make_label, make_member, make_project, make_queue, make_task

REWRITES = ["The lantern costs 39 euros.", "The lantern costs 36 euros.", "Ask us for the price of the lantern."]


@pytest.fixture
def project(transactional_db: None) -> Project:
    return make_project()


def dispute(project: Project, prompt: str = "How much is the lantern?") -> ReviewTask:
    task = make_task(make_queue(project, name="Prices", overlap=3), make_interaction(project, prompt=prompt))
    for rewrite in REWRITES:
        make_label(task, make_member(project), **{**FLAWED, "rewrite": rewrite})
    return task


def test_a_three_way_disagreement_is_settled_by_keyboard(
    site: str, project: Project, sign_in: Callable[..., Page]
) -> None:
    tasks = dispute(project), dispute(project, "Is it blue?")
    page = sign_in(make_member(project, Role.MODERATOR, name="Omar"))
    page.goto(f"{site}/p/{project.slug}/adjudications/")
    expect(page.locator(".row")).to_have_count(2)
    page.locator(".row").first.click()
    columns = page.locator(".columns > .answer")
    expect(columns).to_have_count(4)
    expect(columns.nth(1).locator(".diff").last).to_contain_text("39")
    expect(columns.nth(1).locator(".diff ins").last).to_have_text("36")

    keys = page.keyboard
    keys.press("2")
    expect(columns.nth(1).locator("input[type=radio][name=final]")).to_be_checked()
    keys.press("w")
    keys.type("The price list of May says so.")
    keys.press("Control+Enter")
    expect(page.locator("#toasts")).to_contain_text("Settled and approved.")
    expect(page.locator("#item")).to_have_text("Is it blue?")
    chosen = tasks[0].labels.order_by("pk")[1]
    assert Approval.objects.get().label == chosen
    assert Notice.objects.filter(text__endswith="The price list of May says so.").count() == 3
    expert = sign_in(tasks[0].labels.order_by("pk")[0].author)
    expert.goto(f"{site}/p/{project.slug}/labels/")
    expect(expert.locator("main")).to_contain_text("Omar chose another answer")
    expect(expert.locator("main")).to_contain_text("The price list of May says so.")


def test_the_final_answer_is_written_by_keyboard_and_taken_back_by_one_key(
    site: str, project: Project, sign_in: Callable[..., Page]
) -> None:
    task = dispute(project)
    moderator = make_member(project, Role.MODERATOR)
    page = sign_in(moderator)
    page.goto(f"{site}/p/{project.slug}/adjudications/{task.pk}/")
    keys = page.keyboard
    expect(page.locator("#rewrite")).to_be_hidden()
    keys.press("0")
    keys.press("e")
    expect(page.locator("#rewrite")).to_be_focused()
    keys.type("The lantern costs 37 euros.")
    keys.press("Escape")
    keys.press("w")
    keys.type("None is right.")
    keys.press("Control+Enter")
    expect(page.locator("#toasts")).to_contain_text("It waits for somebody else's approval.")
    assert Label.objects.get(author=moderator).rewrite == "The lantern costs 37 euros."
    assert not Approval.objects.exists()
    keys.press("z")
    expect(page.locator("#rewrite")).to_have_value("The lantern costs 37 euros.")
    assert not Adjudication.objects.exists()


def test_what_is_refused_loses_nothing(
    site: str, project: Project, sign_in: Callable[..., Page], complaints: Any
) -> None:
    task = dispute(project)
    complaints.expected.append("422")
    page = sign_in(make_member(project, Role.MODERATOR))
    page.goto(f"{site}/p/{project.slug}/adjudications/{task.pk}/")
    page.keyboard.press("0")
    page.locator(".own [name=nothing_wrong]").check()
    page.locator("#rewrite").fill("The lantern costs 37 euros.")
    page.locator("[name=reason]").fill("It does.")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#refusals")).to_contain_text("goes with the verdict flawed")
    expect(page.locator("#rewrite")).to_have_value("The lantern costs 37 euros.")
    expect(page.locator("[name=reason]")).to_have_value("It does.")


def test_what_people_agree_on_is_chosen_and_approved_by_keyboard(
    site: str, project: Project, sign_in: Callable[..., Page]
) -> None:
    queue = make_queue(project, overlap=2)
    for _ in range(3):
        task = make_task(queue)
        for _ in range(2):
            make_label(task, make_member(project))
    page = sign_in(make_member(project, Role.MODERATOR))
    page.goto(f"{site}/p/{project.slug}/approvals/?tab=agreed")
    keys = page.keyboard
    keys.press("x")
    for n in range(1, 4):
        keys.press("j")
        expect(page.locator(".row").nth(n)).to_have_attribute("aria-current", "true")
    keys.press("Shift+X")
    expect(page.locator(".list-head .chosen")).to_have_text("4 chosen")
    keys.press("y")
    keys.press("Control+Enter")
    expect(page.locator("#toasts")).to_contain_text("4 approved.")
    expect(page.locator(".row")).to_have_count(2)
    assert Approval.objects.count() == 4
