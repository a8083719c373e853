"""axe finds nothing in any state of the desk: light, dark and in forced colours, on a wide screen and at 320 px."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from django.db.models.functions import Now
from playwright.sync_api import Page, expect

from annotations.review.actions.approvals import approve, send_back
from annotations.review.actions.calibration import calibrate_with
from annotations.review.actions.drafts import save_draft
from annotations.review.actions.pairs import Pair, add_pairs
from annotations.review.actions.threads import reply, resolve
from annotations.review.models import Claim, Draft, Label, Queue, ReviewTask
from labelhub.jobs.canary import listen
from labelhub.people.actions import remap
from labelhub.people.models import User
from labelhub.projects.actions import save_guidelines
from labelhub.projects.rights import Role
from tests.browser.axe import LOOKS, violations
from tests.browser.complaints import Complaints
from tests.factories import (
    FLAWED,
    make_approval,
    make_claim,
    make_feedback,
    make_interaction,
    make_label,
    make_member,
    make_project,
    make_queue,
    make_task,
    make_vector,
)

OUTPUT = "The lantern costs **45 euros**, shipping is free.\n\nShall I order it for you? 🙂"


def span(start: int, end: int, **said: str) -> dict[str, object]:
    return {"start": start, "end": end, "exact": OUTPUT[start:end], **said}


OVERLAPPING = [
    span(4, 25, text="Which one?", category="too-vague"),
    span(12, 30, replacement="costs 39 euros", category="factually-incorrect"),
]


@dataclass
class Desk:
    """A moderator's browser at a queue with three answers to judge."""

    page: Page
    site: str
    queue: Queue
    person: User
    complaints: Complaints

    @property
    def project(self) -> str:
        return f"{self.site}/p/{self.queue.project.slug}"

    def open(self) -> None:
        self.page.goto(f"{self.project}/q/{self.queue.slug}/")

    def begin(self, *, draft: dict[str, object] | None = None) -> Claim:
        task = ReviewTask.objects.filter(queue=self.queue).earliest("pk")
        held = make_claim(task, self.person)
        if draft:
            save_draft(task, by=self.person, fence=held.fence, version=0, content=draft)
        self.open()
        expect(self.page.locator("#output")).to_be_visible()
        return held

    def label(self, *, by: User | None = None, **payload: object) -> Label:
        task = make_task(self.queue, make_interaction(self.queue.project, output=OUTPUT))
        return make_label(task, by or make_member(self.queue.project), **payload)


def empty_queue(desk: Desk) -> None:
    ReviewTask.objects.all().delete()
    desk.open()
    expect(desk.page.get_by_text("Nothing left for you here")).to_be_visible()


def start_of_the_queue(desk: Desk) -> None:
    desk.open()
    expect(desk.page.get_by_text("3 answers to judge")).to_be_visible()


def loading(desk: Desk) -> None:
    desk.begin()
    desk.page.route("**/label/", lambda route: desk.page.wait_for_timeout(1) or None)  # it is never answered
    desk.page.keyboard.press("0")
    desk.page.keyboard.press("Control+Enter")
    expect(desk.page.locator(".htmx-request").first).to_be_visible()


def claimed(desk: Desk) -> None:
    desk.begin()


def popover(desk: Desk) -> None:
    desk.begin()
    desk.page.keyboard.press("h")
    desk.page.keyboard.press("Shift+Control+ArrowRight")
    desk.page.keyboard.press("Enter")
    expect(desk.page.locator(".comment-panel")).to_be_visible()


def thread_open(desk: Desk) -> None:
    label = desk.label(**FLAWED, comments=OVERLAPPING)
    reply(label.comments.earliest("pk"), by=desk.person, text="Since when?")
    desk.page.goto(f"{desk.project}/approvals/{label.pk}/")
    desk.page.locator(".thread summary").first.click()
    expect(desk.page.locator(".thread textarea").first).to_be_visible()


def thread_resolved(desk: Desk) -> None:
    label = desk.label(**FLAWED, comments=OVERLAPPING)
    reply(label.comments.earliest("pk"), by=desk.person, text="Since when?")
    resolve(label.comments.earliest("pk"), by=desk.person)
    desk.page.goto(f"{desk.project}/labels/{label.pk}/")
    expect(desk.page.get_by_text("Resolved by")).to_be_visible()


def overlapping_marks(desk: Desk) -> None:
    desk.begin(draft={"verdict": "flawed", "comments": OVERLAPPING})
    expect(desk.page.locator("mark[data-over]")).to_have_count(1)


def diff(desk: Desk) -> None:
    desk.begin(draft={"verdict": "flawed", "rewrite": OUTPUT.replace("45", "39"), "categories": FLAWED["categories"]})
    expect(desk.page.locator("#diff ins")).to_be_visible()


def conflict(desk: Desk) -> None:
    desk.complaints.expected.append("409")
    desk.begin(draft={"verdict": "flawed", "rewrite": "from another tab"})
    Draft.objects.update(version=9)
    desk.page.locator("#rewrite").fill("from this tab")
    expect(desk.page.locator(".versus")).to_be_visible()


def offline(desk: Desk) -> None:
    desk.complaints.expected += ["ERR_INTERNET_DISCONNECTED", "htmx:sendError", "htmx:afterRequest"]
    desk.begin()
    desk.page.context.set_offline(True)
    desk.page.locator("#rewrite").fill("typed while the line is down")
    expect(desk.page.locator("#saved")).to_contain_text("Offline")


def lease_lost(desk: Desk) -> None:
    desk.complaints.expected.append("409")
    held = desk.begin()
    Claim.objects.filter(pk=held.pk).update(leased_until=Now())
    make_claim(held.task, make_member(desk.queue.project))
    desk.page.keyboard.press("0")
    desk.page.keyboard.press("Control+Enter")
    expect(desk.page.locator("#refusals")).to_contain_text("do not hold this task any more")


def skip(desk: Desk) -> None:
    desk.begin()
    desk.page.keyboard.press("s")
    expect(desk.page.locator("#skip")).to_be_visible()


def put_off(desk: Desk) -> None:
    desk.begin()
    desk.page.keyboard.press("w")
    expect(desk.page.locator("#snooze")).to_be_visible()


def flag(desk: Desk) -> None:
    desk.begin()
    desk.page.keyboard.press("f")
    expect(desk.page.locator("#flag")).to_be_visible()


def help_sheet(desk: Desk) -> None:
    desk.begin()
    desk.page.keyboard.press("?")
    expect(desk.page.locator("#keys")).to_be_visible()


def remapping(desk: Desk) -> None:
    remap(desk.person, {"skip": "x"})
    desk.page.goto(f"{desk.site}/me/shortcuts/")
    desk.page.locator("[name=flag]").fill("x")
    desk.complaints.expected.append("422")
    desk.page.get_by_role("button", name="Save").click()
    expect(desk.page.get_by_text("Not saved.")).to_be_visible()


def similar(desk: Desk) -> None:
    held = desk.begin()
    vector = np.full(384, 0.05, np.float32)
    make_vector(held.task.interaction, vector)
    for prompt in ("Is the lantern waterproof?", "What does the stove weigh?"):
        make_vector(make_approval(desk.queue.project, prompt=prompt).interaction, vector)
    desk.page.keyboard.press("v")
    expect(desk.page.locator("#similar article")).to_have_count(2)


def formatted(desk: Desk) -> None:
    desk.begin()
    desk.page.keyboard.press("m")
    expect(desk.page.locator("#preview strong")).to_be_visible()


def guidelines_panel(desk: Desk) -> None:
    desk.begin()
    if desk.page.get_by_role("button", name="Guidelines").is_visible():
        desk.page.keyboard.press("g")
        expect(desk.page.locator("#guidelines")).to_be_visible()


def guidelines_diff(desk: Desk) -> None:
    desk.label(by=desk.person, verdict="good")
    save_guidelines(desk.queue.project, "Be fair, and say why.", after=1, by=desk.person)
    desk.begin()
    expect(desk.page.get_by_text("The guidelines have changed")).to_be_visible()


def toast_with_undo(desk: Desk) -> None:
    desk.begin()
    desk.page.keyboard.press("a")
    expect(desk.page.get_by_role("button", name="Undo")).to_be_visible()


def sent_back(desk: Desk) -> None:
    task = ReviewTask.objects.filter(queue=desk.queue).earliest("pk")
    label = make_label(task, desk.person)
    send_back(label, by=make_member(desk.queue.project, Role.MODERATOR), reason="Say which one.")
    desk.begin()
    expect(desk.page.get_by_text("sent it back")).to_be_visible()


def pairwise(desk: Desk) -> None:
    pairs = make_queue(desk.queue.project, slug="pairs", mode="pairwise")
    one = make_interaction(desk.queue.project)
    add_pairs(pairs, [Pair(one.pk, one.output, "It costs 39 euros.")], by=desk.person)
    make_claim(ReviewTask.objects.get(queue=pairs), desk.person)
    desk.page.goto(f"{desk.project}/q/pairs/")
    expect(desk.page.locator(".pair .output")).to_have_count(2)


def bulk(desk: Desk) -> None:
    desk.page.goto(f"{desk.project}/q/{desk.queue.slug}/tasks/")
    desk.page.keyboard.press("j")
    desk.page.keyboard.press("x")
    expect(desk.page.locator(".chosen")).to_have_text("1 chosen")


def bulk_giving(desk: Desk) -> None:
    bulk(desk)
    desk.page.keyboard.press("g")
    expect(desk.page.locator("#give")).to_be_visible()


def calibration_feedback(desk: Desk) -> None:
    gold = make_approval(desk.queue.project, rewrite="It costs 39 euros.")
    Queue.objects.update(calibration_every=1)
    calibrate_with(gold.label, by=make_member(desk.queue.project, Role.MODERATOR))
    desk.open()
    desk.page.keyboard.press("Control+Enter")
    expect(desk.page.locator("#output")).to_be_visible()
    desk.page.keyboard.press("a")
    expect(desk.page.get_by_text("That was a calibration item")).to_be_visible()


def today(desk: Desk) -> None:
    mine = desk.label(by=desk.person)
    approve(mine, by=make_member(desk.queue.project, Role.MODERATOR))
    send_back(desk.label(by=desk.person), by=make_member(desk.queue.project, Role.MODERATOR), reason="Say which one.")
    desk.page.goto(f"{desk.project}/")
    expect(desk.page.get_by_text("Sent back to you")).to_be_visible()


def agreement(desk: Desk) -> None:
    Queue.objects.update(overlap=2)
    task = make_task(desk.queue)
    make_label(task, desk.person, **FLAWED, rewrite="It costs 39 euros.")
    make_label(task, make_member(desk.queue.project), verdict="good")
    desk.page.goto(f"{desk.project}/agreement/")
    expect(desk.page.get_by_text("Where you differed")).to_be_visible()


def history(desk: Desk) -> None:
    label = desk.label(by=desk.person)
    desk.page.goto(f"{desk.project}/labels/{label.pk}/")
    expect(desk.page.get_by_role("navigation", name="Your labels")).to_be_attached()


def my_labels(desk: Desk) -> None:
    approve(desk.label(by=desk.person), by=make_member(desk.queue.project, Role.MODERATOR))
    desk.page.goto(f"{desk.project}/labels/")
    expect(desk.page.get_by_text("approved by")).to_be_visible()


def taxonomy(desk: Desk) -> None:
    desk.page.goto(f"{desk.project}/taxonomy/")


STATES: dict[str, Callable[[Desk], None]] = {
    "empty queue": empty_queue, "start of the queue": start_of_the_queue, "loading": loading, "claimed": claimed,
    "popover": popover, "thread open": thread_open, "thread resolved": thread_resolved,
    "overlapping marks": overlapping_marks, "diff": diff, "409 panel": conflict, "offline": offline,
    "lease lost": lease_lost, "skip": skip, "put off": put_off, "flag": flag, "help": help_sheet, "remap": remapping,
    "similar": similar, "formatted": formatted, "guidelines": guidelines_panel, "guidelines diff": guidelines_diff,
    "toast with undo": toast_with_undo, "sent back": sent_back, "pairwise": pairwise, "bulk": bulk,
    "bulk, giving": bulk_giving, "calibration feedback": calibration_feedback, "Today": today, "agreement": agreement, "history": history, "my labels": my_labels,
    "taxonomy": taxonomy,
}  # fmt: skip


@pytest.fixture
def desk(site: str, sign_in: Callable[..., Page], complaints: Complaints, transactional_db: None) -> Desk:
    """axe puts elements with styles of its own on the page, which the content policy would refuse."""
    listen("default")
    listen("training")
    queue = make_queue(make_project(name="Fernway support"), slug="care", name="Care", instructions="Be kind.")
    for n in range(3):
        interaction = make_interaction(
            queue.project, output=OUTPUT, prompt=f"Question {n}: how much is it?", system_context="You help campers.",
            turns=[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}],
            documents=[{"title": "Price list", "text": "Lantern 39 euros", "url": "https://example.org/"}],
            confidence=0.4,
        )  # fmt: skip
        make_feedback(interaction)
        make_feedback(interaction, "rewrite", text="39 euros.")
        make_task(queue, interaction, reason="an answer far from the approved one")
    person = make_member(queue.project, Role.MODERATOR, name="Mona")
    return Desk(sign_in(person, bypass_csp=True), site, queue, person, complaints)


@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing(desk: Desk, state: str, count: Callable[[int, int], int]) -> None:
    STATES[state](desk)
    found, turn = [], list(STATES).index(state)
    for width, media in (count(0, 1) and LOOKS) or [LOOKS[turn % 3], LOOKS[3 + (turn + 1) % 3]]:
        desk.page.set_viewport_size({"width": width, "height": 900})
        desk.page.emulate_media(**media, reduced_motion="reduce")  # type: ignore[arg-type]
        found += [f"{width} px, {media}: {line}" for line in violations(desk.page)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_axe_notices_what_it_should(desk: Desk, look: tuple[int, dict[str, str]]) -> None:
    desk.begin()
    desk.page.set_viewport_size({"width": look[0], "height": 900})
    desk.page.emulate_media(**look[1], reduced_motion="reduce")  # type: ignore[arg-type]
    desk.page.evaluate(
        "document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=/static/x.png><button></button>')"
    )
    desk.complaints.expected.append("404")
    assert {line.split()[0] for line in violations(desk.page)} >= {"image-alt", "button-name"}


@pytest.mark.parametrize("size", [(1440, 700), (390, 700), (320, 568)], ids=str)
def test_what_has_the_focus_is_never_under_a_bar(desk: Desk, size: tuple[int, int]) -> None:
    """WCAG 2.2, 2.4.11: of everything that Tab reaches some part is on top."""
    desk.begin(draft={"verdict": "flawed", "comments": OVERLAPPING, "rewrite": "It costs 39 euros.\n" * 10})
    desk.page.set_viewport_size({"width": size[0], "height": size[1]})
    reached = 0
    for _ in range(90):
        desk.page.keyboard.press("Tab")
        place = desk.page.evaluate(
            """() => {
                const one = document.activeElement, box = (one.closest(".cat") || one.closest("label") || one).getBoundingClientRect();
                const points = [0.1, 0.5, 0.9].flatMap((x) => [0.15, 0.5, 0.85].map((y) => [x, y]));
                const free = points.some(([x, y]) => {
                    const top = document.elementFromPoint(box.left + box.width * x, box.top + box.height * y);
                    return top && (top === one || one.contains(top) || top.contains(one) || top.closest("label, .cat")?.contains(one));
                });
                const again = "reached" in one.dataset;
                one.dataset.reached = "";
                return [again, one.outerHTML.slice(0, 100), one === document.body || one.closest(".bar, .foot") !== null || free];
            }"""
        )
        again, what, is_free = place
        if again:
            break
        reached += 1
        assert is_free, f"covered: {what}"
    assert reached > 20
