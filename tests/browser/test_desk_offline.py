"""The line is down while somebody judges: what they typed and submitted is kept in the tab and goes out once, in order."""

from collections.abc import Callable

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import Page, Route, expect

from annotations.review.models import Draft, Label, Queue
from tests.browser.complaints import Complaints
from tests.factories import PASSWORD, make_interaction, make_member, make_project, make_queue, make_task

SECONDS, MINUTES = 5, "02:00"


@pytest.fixture
def queue(transactional_db: None) -> Queue:
    queue = make_queue(make_project(), slug="care")
    for n in range(3):
        make_task(queue, make_interaction(queue.project, prompt=f"Question {n}?"))
    return queue


@pytest.fixture
def desk(site: str, queue: Queue, sign_in: Callable[..., Page], complaints: Complaints) -> Page:
    """At the first answer, on a clock that a test can move."""
    complaints.expected += ["ERR_INTERNET_DISCONNECTED", "ERR_FAILED", "htmx:"]
    page = sign_in(make_member(queue.project, name="Ines"))
    page.clock.install()
    page.goto(f"{site}/p/{queue.project.slug}/q/care/")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".query")).to_have_text("Question 0?")
    return page


class LosesAnswers:
    """Lets the first submit through and loses its answer; the ones after it reach nobody, until the line is up."""

    def __init__(self, page: Page) -> None:
        self.is_up = self.has_let_through = False
        page.route("**/label/", self._on)

    def _on(self, route: Route) -> None:
        if self.is_up:
            return route.continue_()
        if not self.has_let_through:
            self.has_let_through = True
            route.fetch()
        return route.abort()


@pytest.mark.bar("3a-30", "R5")
def test_what_was_submitted_offline_goes_out_once_after_what_was_typed(desk: Page) -> None:
    desk.context.set_offline(True)
    desk.keyboard.press("1")
    desk.locator("#rewrite").fill("The lantern costs 39 euros.")
    expect(desk.locator("#saved")).to_contain_text("Offline")
    desk.keyboard.press("Control+Enter")
    desk.keyboard.press("Control+Enter")
    expect(desk.locator("#saved")).to_contain_text("submitted when the line is back")
    desk.clock.fast_forward(MINUTES)
    desk.wait_for_timeout(SECONDS * 1000)
    assert not Label.objects.exists()
    asked: list[str] = []
    desk.on("request", lambda request: request.method == "POST" and asked.append(request.url.split("/")[-2]))
    desk.context.set_offline(False)
    expect(desk.locator(".query")).to_have_text("Question 1?")
    expect(desk.locator("#toasts")).to_contain_text("Submitted")
    assert Label.objects.get().rewrite == "The lantern costs 39 euros."
    assert asked.count("label") == 1
    assert asked.index("label") == len(asked) - 1
    assert not Draft.objects.exists()


@pytest.mark.bar("3a-30")
def test_good_as_it_is_pressed_offline_goes_out_too(desk: Page) -> None:
    desk.context.set_offline(True)
    desk.keyboard.press("a")
    expect(desk.locator("#saved")).to_contain_text("submitted when the line is back")
    desk.context.set_offline(False)
    expect(desk.locator(".query")).to_have_text("Question 1?")
    assert Label.objects.get().verdict == "good"


@pytest.mark.bar("3a-30", "3a-20")
def test_a_submit_whose_answer_was_lost_is_not_made_twice_nor_told_as_a_failure(
    desk: Page, complaints: Complaints
) -> None:
    complaints.expected.append("409")  # to the draft that would have been saved meanwhile

    line = LosesAnswers(desk)
    desk.keyboard.press("2")
    desk.keyboard.press("Control+Enter")
    expect(desk.locator("#saved")).to_contain_text("submitted when the line is back")
    line.is_up = True
    expect(desk.locator(".query")).to_have_text("Question 1?")
    expect(desk.locator("#refusals")).to_be_empty()
    assert Label.objects.count() == 1


def test_what_was_changed_after_a_lost_answer_is_not_thrown_away(desk: Page, complaints: Complaints) -> None:
    complaints.expected.append("409")

    line = LosesAnswers(desk)
    desk.keyboard.press("2")
    desk.keyboard.press("Control+Enter")
    expect(desk.locator("#saved")).to_contain_text("submitted when the line is back")
    desk.locator("#rewrite").fill("thought of later")
    line.is_up = True
    expect(desk.locator("#refusals")).to_contain_text("do not hold this task any more")
    expect(desk.locator("#rewrite")).to_have_value("thought of later")


@pytest.mark.bar("R5")
def test_typing_offline_for_two_minutes_loses_nothing(desk: Page, queue: Queue) -> None:
    desk.context.set_offline(True)
    desk.locator("#rewrite").fill("typed on a train")
    expect(desk.locator("#saved")).to_contain_text("Offline, kept in this tab")
    desk.clock.fast_forward(MINUTES)
    desk.wait_for_timeout(SECONDS * 1000)
    desk.locator("#rewrite").press("End")
    desk.keyboard.type(", and in a tunnel")
    desk.context.set_offline(False)
    desk.clock.fast_forward("00:02")
    expect(desk.locator("#saved")).to_contain_text("Saved")
    assert Draft.objects.get().content["rewrite"] == "typed on a train, and in a tunnel"


def sign_in_again(page: Page, email: str) -> None:
    expect(page.locator("input[name=login]")).to_be_visible()
    page.fill("input[name=login]", email)
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")


@pytest.mark.bar("3a-32")
def test_what_is_typed_after_the_session_ended_survives_signing_in_again(desk: Page, complaints: Complaints) -> None:
    complaints.expected.append("401")
    desk.locator("#rewrite").fill("typed before")
    desk.clock.fast_forward("00:01")
    expect(desk.locator("#saved")).to_contain_text("Saved")
    Session.objects.all().delete()
    desk.locator("#rewrite").fill("typed before and after")
    desk.keyboard.press("Escape")
    desk.keyboard.press("2")
    desk.clock.fast_forward("00:01")
    sign_in_again(desk, Draft.objects.get().by.email)
    expect(desk.locator("#rewrite")).to_have_value("typed before and after")
    expect(desk.get_by_role("checkbox", name="Too vague")).to_be_checked()
    with desk.expect_response("**/draft/"):
        desk.clock.fast_forward("00:02")
    assert Draft.objects.get().content["rewrite"] == "typed before and after"


@pytest.mark.bar("3a-32")
def test_whoever_else_signs_in_in_the_same_tab_reads_nothing_of_it(
    desk: Page, site: str, queue: Queue, complaints: Complaints
) -> None:
    complaints.expected.append("401")
    other = make_member(queue.project)
    other.set_password(PASSWORD)
    other.save()
    Queue.objects.update(overlap=2)
    Session.objects.all().delete()
    desk.locator("#rewrite").fill("nobody else's business")
    desk.clock.fast_forward("00:01")
    sign_in_again(desk, other.email)
    expect(desk.get_by_text("3 answers to judge")).to_be_visible()
    desk.keyboard.press("Control+Enter")
    expect(desk.locator(".query")).to_have_text("Question 0?")
    expect(desk.locator("#rewrite")).to_have_value("")
    desk.goto(f"{site}/p/{queue.project.slug}/q/care/")
    expect(desk.locator("#rewrite")).to_have_value("")
    assert "business" not in desk.evaluate("JSON.stringify(sessionStorage)")
