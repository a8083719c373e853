"""A day at the desk: many answers by keyboard alone, two people at one queue, two tabs at one answer."""

import random
import re
from collections import Counter
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from annotations.review.models import Claim, Draft, Label, Queue, ReviewTask
from annotations.triage.models import Flag
from tests.browser.complaints import Complaints
from tests.factories import make_interaction, make_member, make_project, make_queue, make_task


@pytest.fixture
def queue(transactional_db: None) -> Queue:
    return make_queue(make_project(), slug="care")


def fill(queue: Queue, number: int) -> None:
    for n in range(number):
        make_task(queue, make_interaction(queue.project, prompt=f"Question {n}?"))


def begin(page: Page, site: str, queue: Queue) -> None:
    """Into the first item: the page before it also has a heading, `24 answers to judge`."""
    page.goto(f"{site}/p/{queue.project.slug}/q/{queue.slug}/")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#item")).to_have_text(re.compile(r"^(Answer|Pair) \d+ to judge$"))


def at(page: Page, task: ReviewTask) -> None:
    expect(page.locator("#item")).to_have_text(f"Answer {task.pk} to judge")


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def flaw(page: Page, chance: random.Random) -> None:
    press(page, *chance.sample("1234567", chance.randint(1, 3)), *("+" * chance.randint(0, 1)))
    if chance.random() < 0.5:
        press(page, "e", "End")
        page.keyboard.type(" It is 39 now.")
        press(page, "Escape")
    if chance.random() < 0.3:
        press(page, "h", "Shift+Control+ArrowRight", "Shift+Control+ArrowRight", "Enter")
        expect(page.locator(".comment-panel")).to_be_visible()
        page.keyboard.type("which one?")
        press(page, "Control+Enter")
        expect(page.locator("#notes .note")).to_have_count(1)
    press(page, "Control+Enter")


def good(page: Page, chance: random.Random) -> None:
    press(page, *chance.choice([("a",), ("0", "Control+Enter")]))


def skip(page: Page, chance: random.Random) -> None:
    press(page, "s")
    expect(page.locator("#skip-reason")).to_be_focused()
    page.keyboard.type("not my field")
    press(page, "Enter")


def put_off(page: Page, chance: random.Random) -> None:
    press(page, "w")
    expect(page.locator("#snooze")).to_be_visible()
    press(page, "Tab", "Enter") if page.locator("#snooze button:focus").count() == 0 else press(page, "Enter")


@pytest.mark.bar("F4")
def test_many_answers_are_judged_by_keyboard_alone(
    site: str, queue: Queue, sign_in: Callable[..., Page], count: Callable[[int, int], int]
) -> None:
    number, chance = count(12, 50), random.Random(4)
    fill(queue, number)
    expert = make_member(queue.project)
    page = sign_in(expert)
    begin(page, site, queue)
    done: Counter[str] = Counter()
    for n, task in enumerate(ReviewTask.objects.order_by("pk")):
        at(page, task)
        act = (flaw, good, skip, put_off)[min(n % 6, 3)] if n % 6 < 4 else flaw
        act(page, chance)
        done[act.__name__] += 1
        if n % 12 == 0:  # the first of a dozen is taken back, and submitted again
            expect(page.locator("#toasts")).to_contain_text("Submitted")
            press(page, "u")
            at(page, task)
            press(page, "Control+Enter")
            done["undone"] += 1
    expect(page.get_by_text("Nothing left for you here")).to_be_visible()
    standing = Label.objects.standing().filter(author=expert)
    assert standing.filter(verdict="flawed").count() == done["flaw"]
    assert standing.filter(verdict="good").count() == done["good"]
    assert Label.objects.exclude(withdrawal=None).count() == done["undone"]
    assert Claim.objects.exclude(skip_reason="").count() == done["skip"]
    assert Claim.objects.exclude(snoozed_until=None).count() == done["put_off"]
    assert not Claim.objects.held().exists()
    assert not Flag.objects.exists()


@pytest.mark.bar("3a-31")
def test_who_skips_everything_is_told_that_nothing_is_left_and_where_else_to_go(
    site: str, queue: Queue, sign_in: Callable[..., Page]
) -> None:
    fill(queue, 3)
    page = sign_in(make_member(queue.project))
    begin(page, site, queue)
    for task in ReviewTask.objects.order_by("pk"):
        at(page, task)
        skip(page, random.Random(1))
    expect(page.get_by_text("Nothing left for you here")).to_be_visible()
    page.get_by_role("link", name="Other queues").click()
    expect(page.get_by_text("What waits")).to_be_visible()


@pytest.mark.bar("3a-19", "R3")
def test_two_people_at_one_queue_are_never_served_the_same(
    site: str, queue: Queue, sign_in: Callable[..., Page], count: Callable[[int, int], int]
) -> None:
    number = count(24, 200)
    fill(queue, number)
    people = [make_member(queue.project) for _ in range(2)]
    pages = [sign_in(person) for person in people]
    for page in pages:
        begin(page, site, queue)
    left, chance = list(pages), random.Random(2)
    served: list[str] = []
    while left:
        page = chance.choice(left)
        expect(page.locator("#item")).to_be_attached()
        name = page.locator("#item").text_content() or ""
        if not name.startswith("Answer"):
            left.remove(page)
            continue
        served.append(name)
        press(page, "a")
        expect(page.locator("#item")).not_to_have_text(name)
    assert len(served) == len(set(served)) == number
    assert Label.objects.count() == number
    assert min(Counter(Label.objects.values_list("author", flat=True)).values()) > number // 5


@pytest.mark.bar("R5")
def test_two_tabs_at_one_answer_never_overwrite_each_other(
    site: str, queue: Queue, sign_in: Callable[..., Page], complaints: Complaints, count: Callable[[int, int], int]
) -> None:
    complaints.expected.append("409")
    fill(queue, 1)
    page = sign_in(make_member(queue.project))
    begin(page, site, queue)
    expect(page.locator("#output")).to_be_visible()
    other, chance = page.context.new_page(), random.Random(3)
    other.goto(page.url)
    for race in range(count(10, 1000)):
        first, second = chance.sample([page, other], 2)
        write(first, f"first of race {race}")
        expect(first.locator("#saved")).to_contain_text("Saved")
        write(second, f"second of race {race}")
        panel = second.locator("#refusals")
        expect(panel).to_contain_text(f"first of race {race}")
        expect(panel).to_contain_text(f"second of race {race}")
        assert Draft.objects.get().content["rewrite"] == f"first of race {race}"
        panel.get_by_text("Keep this one").click()
        expect(panel).to_be_empty()
        assert Draft.objects.get().content["rewrite"] == f"second of race {race}"
        first.reload()
        expect(first.locator("#rewrite")).to_have_value(f"second of race {race}")


def write(page: Page, words: str) -> None:
    """Into the better answer, and away from it: so it is saved at once."""
    with page.expect_response("**/draft/"):
        page.locator("#rewrite").fill(words)
        page.locator("#rewrite").blur()
