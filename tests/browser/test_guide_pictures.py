"""The pictures of the guides: the board, a label to approve, a disagreement. `make pictures` keeps them."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from annotations.review.models import ReviewTask
from annotations.triage.actions.flags import raise_flags, rules_of
from labelhub.jobs.canary import listen
from labelhub.projects.models import Project
from labelhub.projects.rights import Role
from tests.factories import (
    make_feedback,
    make_interaction,
    make_label,
    make_member,
    make_project,
    make_queue,
    make_task,
)

FOLDER = os.environ.get("LABELHUB_PICTURES")
WASH = "Wash the tent at 60 degrees with any soap you have at hand. Dry it in the sun."
TOO_HOT = {"start": 14, "end": 27, "exact": "at 60 degrees", "text": "This ruins the coating."}
JUDGED = {
    "Ines Costa": {
        "verdict": "flawed", "categories": [{"category": "factually-incorrect", "severity": 3}],
        "rewrite": "Wash the tent by hand in lukewarm water with a soap for tents. Let it dry in the shade.",
        "comments": [{**TOO_HOT, "category": "factually-incorrect"}], "confidence": "high",
    },
    "Jonas Berg": {
        "verdict": "flawed", "categories": [{"category": "incomplete", "severity": 2}],
        "rewrite": "Wash the tent at 30 degrees with mild soap. Let it dry in the shade.",
    },
    "Mei Lin": {"verdict": "good", "confidence": "low"},
}  # fmt: skip


@pytest.fixture
def project(transactional_db: None, run_jobs: Callable[..., None]) -> Project:
    for cluster in ("default", "training"):
        listen(cluster)
    run_jobs()  # no banner says that a worker is down
    return make_project(name="Fernway support", slug="fernway")


@pytest.fixture
def disputed(project: Project) -> ReviewTask:
    queue = make_queue(project, name="Care answers", overlap=3)
    task = make_task(queue, make_interaction(project, prompt="How do I wash my tent?", output=WASH))
    for name, said in JUDGED.items():
        make_label(task, make_member(project, name=name), **said)
    return task


def keep(page: Page, name: str, tmp_path: Path) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"
    page.screenshot(path=Path(FOLDER or tmp_path) / f"{name}.png")


@pytest.fixture
def moderator(project: Project, sign_in: Callable[..., Page]) -> Page:
    return sign_in(make_member(project, Role.MODERATOR, name="Omar"), viewport={"width": 1440, "height": 900})


def test_a_disagreement_fits_the_screen(site: str, disputed: ReviewTask, moderator: Page, tmp_path: Path) -> None:
    moderator.goto(f"{site}/p/fernway/adjudications/{disputed.pk}/")
    moderator.keyboard.press("1")
    expect(moderator.locator(".columns > .answer")).to_have_count(4)
    keep(moderator, "disagreement", tmp_path)


def test_a_label_to_approve_fits_the_screen(site: str, disputed: ReviewTask, moderator: Page, tmp_path: Path) -> None:
    moderator.goto(f"{site}/p/fernway/approvals/{disputed.labels.earliest('pk').pk}/")
    expect(moderator.locator(".note")).to_have_count(1)
    keep(moderator, "approvals", tmp_path)


def test_the_board_fits_the_screen(site: str, project: Project, moderator: Page, tmp_path: Path) -> None:
    make_queue(project, name="Refund answers")
    by_kind = {rule.kind: rule for rule in rules_of(project)}
    for kind, prompt in {
        "suggested": "How much is the stove?", "thumb_down": "Where is my parcel?", "asked_again": "Is the lamp blue?",
        "named_fault": "May I return a used tent?", "copied": "How long is the warranty?",
    }.items():  # fmt: skip
        interaction = make_interaction(project, prompt=prompt, output="The stove costs 80 euros.")
        raise_flags(project, [(by_kind[kind], interaction, str(by_kind[kind]))])
        if kind == "suggested":
            sign = make_feedback(interaction, "rewrite", text="It costs 75 euros since May.")
    moderator.goto(f"{site}/p/fernway/triage/{sign.session_id}/")
    expect(moderator.locator(".row")).to_have_count(5)
    keep(moderator, "board", tmp_path)
