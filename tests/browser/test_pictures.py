"""The pictures of the README: an answer half judged, by light, in the dark, on a phone. `make pictures` keeps them."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from annotations.capture.models import Feedback
from annotations.review.actions.drafts import save_draft
from annotations.review.models import ReviewTask
from labelhub.jobs.canary import listen
from labelhub.people.models import User
from tests.factories import (
    make_claim,
    make_feedback,
    make_interaction,
    make_member,
    make_project,
    make_queue,
    make_session,
    make_task,
)

FOLDER = os.environ.get("LABELHUB_PICTURES")
LOOKS = {  # name → how the browser is
    "desk": {"viewport": {"width": 1440, "height": 900}},
    "desk-dark": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "dark"},
    "desk-phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
        "has_touch": True,
        "is_mobile": True,
    },
}
OUTPUT = (
    "Thank you for getting in touch! You can return your stove within 60 days of delivery for a full refund. Simply pack "
    "it in the original box. Unfortunately shipping costs are your responsibility, as stated in our terms. Is there "
    "anything else I can help you with? 🙂"
)
REWRITE = (
    "Please stop using the stove: a hiss can mean a gas leak. You can return it within 30 days of delivery for a full "
    "refund, and because it is faulty we pay for the parcel."
)


def comment(exact: str, text: str, category: str, **more: str) -> dict[str, object]:
    start = OUTPUT.index(exact)
    return {"start": start, "end": start + len(exact), "exact": exact, "text": text, "category": category, **more}


DRAFT = {
    "verdict": "flawed",
    "categories": [{"category": "factually-incorrect", "severity": 2}, {"category": "wrong-tone", "severity": 2}],
    "root_cause": "model",
    "rewrite": REWRITE,
    "comments": [
        comment(
            "within 60 days of delivery",
            "Stoves are in the 30-day group since October.",
            "factually-incorrect",
            replacement="within 30 days of delivery",
        ),
        comment(
            "Unfortunately shipping costs are your responsibility, as stated in our terms.",
            "A hissing stove is a safety fault: we pay.",
            "wrong-tone",
        ),
    ],
}


@pytest.fixture
def task(transactional_db: None) -> ReviewTask:
    project = make_project(name="Fernway support", slug="fernway")
    queue = make_queue(project, slug="refunds", name="Refund answers")
    for number in range(5):
        make_task(queue, make_interaction(project, prompt=f"Where is parcel {number}?", output="On its way."))
    interaction = make_interaction(
        project, session=make_session(project), output=OUTPUT, user_role="customer", confidence=0.62,
        prompt="I bought a camping stove on the 2nd and it hisses. Until when can I send it back, and who pays for the parcel?",
        system_context="You are the support assistant of Fernway. Answer from policy, briefly and warmly.",
        turns=[{"role": "user", "content": "Hello!"}, {"role": "assistant", "content": "Hello, how can I help?"}],
        documents=[{"title": "Returns", "text": "Stoves and lamps can be returned within 30 days of delivery."}],
        model_version="support-1m-v3", environment="production", occurred_at=timezone.now(),
    )  # fmt: skip
    make_feedback(interaction)
    make_feedback(interaction, Feedback.Kind.COMMENT, text="that's not what your leaflet says")
    return make_task(queue, interaction, priority=9)


@pytest.fixture
def expert(task: ReviewTask, run_jobs: Callable[..., None]) -> User:
    for cluster in ("default", "training"):
        listen(cluster)
    run_jobs()  # no banner says that a worker is down
    ines = make_member(task.project, name="Ines")
    save_draft(task, by=ines, fence=make_claim(task, ines).fence, version=0, content=DRAFT)
    return ines


@pytest.mark.parametrize("name", LOOKS)
def test_a_half_judged_answer_fits_the_screen(
    name: str, site: str, task: ReviewTask, expert: User, sign_in: Callable[..., Page], tmp_path: Path
) -> None:
    page = sign_in(expert, **LOOKS[name])
    page.goto(f"{site}/p/fernway/q/refunds/")
    expect(page.locator("#rewrite")).to_have_value(REWRITE)
    expect(page.locator("#output mark")).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"
    cut = "[...document.querySelectorAll('.seg label')].filter((one) => one.scrollWidth > one.clientWidth).length"
    assert page.evaluate(cut) == 0, "a word of a choice is cut"
    page.locator("#output").scroll_into_view_if_needed()
    page.screenshot(path=Path(FOLDER or tmp_path) / f"{name}.png")
