"""Whatever a model writes, a comment on a stretch of it is of that stretch: stored, shown and exported to the character."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Page, expect

from annotations.capture.actions.ingest import ingest_interactions
from annotations.capture.models import Interaction
from annotations.review.models import Label, Queue, ReviewTask, SpanComment
from labelhub.projects.models import Project
from tests.factories import make_member, make_project, make_queue

PIECES = [
    "The lantern ", "costs 45 euros", "。", "\r\n", "\n\n", "\t", "  ", "👩‍👩‍👧‍👦", "🏔️", "🇳🇴", "👍🏽", "e\u0301te\u0301 ", "Å\u0323ngström ",
    "灯籠は四十五ユーロです", "한국어 텍스트 ", "\u1112\u1161\u11ab", "مرحبا بالعالم ", "שלום ", "\u200f", "\u202btext\u202c", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 ", "𠮷野家",
    "\u200b", "\u200d", "\ufeff", "Z\u0351\u036b\u0343algo ", "<b>&amp;</b> ", "a" * 70, "¿Qué? ", "क्षत्रिय ", "ﷺ",
]  # fmt: skip
SELECT = """([from, to]) => {
  const output = document.querySelector("#output"), walker = document.createTreeWalker(output, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  let at = 0;
  for (let node = walker.nextNode(); node; at += node.length, node = walker.nextNode()) {
    if (from >= at && from < at + node.length) range.setStart(node, from - at);
    if (to > at && to <= at + node.length) range.setEnd(node, to - at);
  }
  getSelection().setBaseAndExtent(range.startContainer, range.startOffset, range.endContainer, range.endOffset);
  output.dispatchEvent(new PointerEvent("pointerup", { bubbles: true }));
}"""


def written(chance: random.Random) -> str:
    text = "".join(chance.choice(PIECES) for _ in range(chance.randint(4, 30)))
    return text if text.strip() else f"{text}x"


def units(text: str) -> int:
    """Its length as JavaScript counts."""
    return len(text.encode("utf-16-le")) // 2


def by_range(page: Page, text: str, chance: random.Random) -> None:
    """Any stretch, set as the document's own selection."""
    start = chance.randrange(len(text))
    end = chance.randint(start + 1, min(len(text), start + 40))
    page.evaluate(SELECT, [units(text[:start]), units(text[:end])])


def by_caret(page: Page, text: str, chance: random.Random) -> None:
    page.keyboard.press("h")
    for _ in range(chance.randint(0, 6)):
        page.keyboard.press(chance.choice(["ArrowRight", "Control+ArrowRight"]))
    page.keyboard.press("Shift+ArrowRight")
    for _ in range(chance.randint(0, 4)):
        page.keyboard.press(chance.choice(["Shift+ArrowRight", "Shift+Control+ArrowRight"]))
    page.keyboard.press("Enter")


def by_pointer(page: Page, text: str, chance: random.Random) -> None:
    box = page.locator("#output").bounding_box()
    assert box
    page.mouse.move(box["x"] + 30, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * chance.uniform(0.3, 0.9), box["y"] + box["height"] - 30, steps=3)
    page.mouse.up()


def comment(page: Page, text: str, how: Callable[..., None], chance: random.Random) -> bool:
    """Select and say something; False where the stretch that was chosen holds nothing to select."""
    before = page.locator("#notes .note").count()
    how(page, text, chance)
    panel = page.locator(".comment-panel")
    if how is not by_range:
        page.wait_for_timeout(50)
        if not panel.is_visible():
            page.keyboard.press("Escape")
            return False
    expect(panel).to_be_visible()
    page.locator("[name=span_text]").fill("?")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#notes .note")).to_have_count(before + 1)
    assert page.locator("#output").evaluate("output => output.textContent") == text
    return True


@pytest.fixture
def project(transactional_db: None) -> Project:
    return make_project(slug="fern")


def queued(project: Project, number: int) -> Queue:
    """As many random texts, as they come in over the API."""
    chance = random.Random(number)
    queue = make_queue(project, slug="texts")
    items: list[dict[str, Any]] = [
        {"external_id": f"call-{n}", "session": f"talk-{n}", "output": written(chance),
         "messages": [{"role": "user", "content": "?"}]}
        for n in range(number)
    ]  # fmt: skip
    assert all(outcome.fine for outcome in ingest_interactions(project, items))
    for interaction in Interaction.objects.filter(project=project).order_by("pk"):
        ReviewTask.objects.create(project=project, queue=queue, interaction=interaction, rank=0)
    return queue


@pytest.mark.bar("3a-28")
def test_a_stretch_that_was_chosen_is_that_stretch_wherever_it_is_read(
    site: str, project: Project, sign_in: Callable[..., Page], client: Client, count: Callable[[int, int], int]
) -> None:
    number, chance = count(100, 1000), random.Random(7)
    expert = make_member(project)
    queue = queued(project, number)
    page = sign_in(expert)
    page.goto(f"{site}/p/fern/q/{queue.slug}/")
    page.keyboard.press("Control+Enter")
    by_hand = overlapping = 0
    for n, task in enumerate(ReviewTask.objects.filter(queue=queue).select_related("interaction").order_by("pk")):
        expect(page.locator("#item")).to_have_text(f"Answer {task.pk} to judge")
        text = task.interaction.output
        assert page.locator("#output").evaluate("output => output.textContent") == text
        how = (by_caret, by_pointer)[n % 2] if n % 9 < 2 else by_range
        done = comment(page, text, how, chance)
        by_hand += done and how is not by_range
        if not done:
            comment(page, text, by_range, chance)
        if n % 4 == 0:  # all of it, so that it lies on the other
            page.evaluate(SELECT, [0, units(text)])
            comment(page, text, lambda *_: None, chance)
            overlapping += page.locator("mark[data-over]").count() > 0
        page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Nothing left for you here")).to_be_visible()
    print(f"{number} texts, {by_hand} by hand, {overlapping} with overlaps")
    assert by_hand >= number // 10
    assert overlapping >= number // 5

    assert Label.objects.filter(author=expert).count() == number
    for one in SpanComment.objects.select_related("label__task__interaction"):
        assert one.label.task.interaction.output[one.start : one.end] == one.exact
    client.force_login(expert)
    exported, after = 0, 0
    while items := client.get(f"/api/v1/labels/?project=fern&after={after}").json()["items"]:
        for item in items:
            for one in item["comments"]:
                assert item["interaction"]["output"][one["start"] : one["end"]] == one["exact"]
                exported += 1
        after = items[-1]["id"]
    assert exported == SpanComment.objects.count() >= number
