"""Somebody types while the web processes are killed under them: what they typed is kept, nothing is overwritten."""

import random
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from annotations.review.models import Draft
from tests.browser.complaints import Complaints
from tests.factories import PASSWORD, make_interaction, make_member, make_project, make_queue, make_task
from tests.stack import Stack

pytestmark = [pytest.mark.alone, pytest.mark.bar("R5")]
KEPT_WITHIN_S, BACK_S = 5.0, 60


@pytest.fixture
def desk(bare_stack: Stack, open_context: Callable[..., Any]) -> Page:
    """Of an expert who has taken a task and begun to write."""
    with bare_stack.database():
        project = make_project()
        queue = make_queue(project)
        make_task(queue, make_interaction(project))
        expert = make_member(project)
        expert.set_password(PASSWORD)
        expert.save()
    page: Page = open_context().new_page()
    page.goto(f"{bare_stack.web}/accounts/login/")
    page.fill("input[name=login]", expert.email)
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{bare_stack.web}/")
    page.goto(f"{bare_stack.web}/p/{project.slug}/q/{queue.slug}/")
    page.keyboard.press("Control+Enter")
    page.locator("#rewrite").focus()
    return page


def kept(site: Stack) -> str:
    """What is in the database of the newest draft."""
    with site.database():
        newest = Draft.objects.values_list("content__rewrite", flat=True).last()
        return newest or ""


def answers(site: Stack) -> bool:
    try:
        return httpx.get(f"{site.web}/health/ready", timeout=5, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def test_what_is_typed_while_the_web_dies_is_kept_once_it_is_back(
    bare_stack: Stack, desk: Page, complaints: Complaints, count: Callable[[int, int], int]
) -> None:
    complaints.expected += ["ERR_", "htmx:", "503"]
    chance, typed = random.Random(1), ""
    for turn in range(count(3, 20)):
        bare_stack.wait(lambda: len(bare_stack.family("web")) > 2, seconds=BACK_S, what="all of the web runs")
        family = bare_stack.family("web")
        for victim in family if turn % 3 == 0 else [chance.choice(family[1:])]:
            victim.kill()
        for word in range(chance.randint(3, 12)):
            words = f"{turn}-{word} "
            desk.keyboard.type(words)
            typed += words
            time.sleep(chance.uniform(0, 0.3))
        bare_stack.wait(lambda: answers(bare_stack), seconds=BACK_S, what="the web is back")
        back = time.monotonic()
        bare_stack.wait(lambda: kept(bare_stack) == typed, seconds=KEPT_WITHIN_S, what="every word is kept")  # noqa: B023
        print(f"turn {turn}: kept {time.monotonic() - back:.1f} s after the web was back")
    expect(desk.locator("#saved")).to_contain_text("Saved")
    desk.reload()
    expect(desk.locator("#rewrite")).to_have_value(typed)
