"""An admin freezes data, launches a run, watches it, and a second one promotes and rolls back: all in the admin panel."""

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from annotations.recall.tasks import embed_captured
from labelhub.jobs.canary import listen
from labelhub.projects.rights import Role
from tests.factories import make_approval, make_interaction, make_member, make_project
from tests.training.makers import make_case, make_evaluation, make_suite
from tests.training.servers import adapters_folder, models, processes, server_url  # noqa: F401
from training.lm.starter import world
from training.registry.actions import report
from training.registry.live import live_version
from training.runs.models import ModelVersion, TrainingRun

pytestmark = [pytest.mark.usefixtures("processes"), pytest.mark.bar("loop-admin")]
SHOTS = os.environ.get("LABELHUB_SCREENSHOTS")


def shoot(page: Page, name: str) -> None:
    """Kept where somebody asked for pictures to look at."""
    if SHOTS:
        for width in (1440, 1024, 390):
            page.set_viewport_size({"width": width, "height": 900})
            page.screenshot(path=Path(SHOTS) / f"admin-{name}-{width}.png", full_page=True)
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size({"width": 1440, "height": 900})
        page.screenshot(path=Path(SHOTS) / f"admin-{name}-dark.png", full_page=True)
        page.emulate_media(color_scheme="light")


@pytest.fixture
def project():
    project = make_project()
    project.test_share = 0.0
    project.save()
    facts = [world.split(key) for key in list(world.FACTS)[:12]]
    for n, (intent, item) in enumerate(facts):
        prompt, answer = (
            world.ask(intent, item, world.corpus_frames(intent)[0]),
            world.answer(world.FACTS, intent, item),
        )
        if n < 2:
            make_approval(project, prompt=prompt, output=answer, rewrite=f"{answer} Ask us for more.")
        elif n < 6:
            make_approval(project, prompt=prompt, output=answer, rewrite="")
        else:
            make_interaction(project, prompt=prompt, output=answer)
    embed_captured(project.pk)
    suite = make_suite(project, "heldout")
    for n in range(3):
        make_case(suite, f"How heavy is thing number {n}?", "It weighs 2 kg.")
    return project


def work_until(run_jobs: Callable[..., int], condition: Callable[[], object], seconds: float = 240) -> None:
    """Be both clusters while the browser looks on."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, TrainingRun.objects.values("state", "failure", "step")
        run_jobs()
        time.sleep(0.2)


def test_launch_watch_compare_promote_and_roll_back(project, site, sign_in, run_jobs):
    listen("training")
    run_jobs()
    page = sign_in(make_member(project, Role.ADMIN, name="Ada"))
    page.goto(f"{site}/admin/training/trainingrun/")
    page.get_by_role("link", name="Launch retrain").click()
    page.get_by_role("button", name="Freeze the data").click()
    expect(page.get_by_role("heading", name="Snapshot 1")).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="Training worker")).to_contain_text("alive")
    page.get_by_role("radio", name="Quick").check()
    page.get_by_label("Reason").fill("The prices changed")
    shoot(page, "launch")
    page.get_by_role("button", name="Launch").click()
    expect(page.get_by_role("heading", name=re.compile("Run 1 of"))).to_be_visible()
    work_until(run_jobs, lambda: TrainingRun.objects.get().metrics.count() > 3)
    expect(page.locator("svg.chart polyline.first")).to_be_visible(timeout=10_000)
    shoot(page, "run")
    work_until(run_jobs, lambda: ModelVersion.objects.filter(evaluations__gate_report__isnull=False).exists())
    expect(page.locator(".steps")).to_contain_text("Gate refused", timeout=10_000)
    page.get_by_role("link", name="Version 1").click()
    expect(page.get_by_role("button", name="Promote to production")).to_be_disabled()
    expect(page.get_by_role("heading", name="Version 1 against the base")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="Ask us for more").first).to_be_visible()

    report(make_evaluation(ModelVersion.objects.get(), siblings=(40, 40, 39)))
    second = sign_in(make_member(project, Role.ADMIN, name="Omar"))
    second.goto(page.url)
    shoot(second, "version")
    second.get_by_role("button", name="Promote to production").click()
    expect(second.get_by_text("Version 1 is live in production.", exact=True)).to_be_visible()
    assert live_version(project) == ModelVersion.objects.get()
    second.get_by_label(re.compile("Production goes back")).fill("Complaints about tents")
    second.get_by_role("button", name="Roll back").click()
    expect(second.get_by_text("The base is live in production again.")).to_be_visible()
    assert live_version(project) is None


def test_a_case_is_looked_at_and_retired_with_a_reason(project, site, sign_in):
    suite = make_suite(project, "heldout")
    first = suite.cases.earliest("pk")
    page = sign_in(make_member(project, Role.ADMIN, name="Ada"))
    page.goto(f"{site}/admin/training/suite/{suite.pk}/change/")
    shoot(page, "suite")
    page.get_by_label("Case number").fill(str(first.pk))
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("row").filter(has_text="How heavy is thing number")).to_have_count(1)
    page.get_by_role("link", name=f"Retire case {first.pk}").click()
    expect(page.get_by_role("definition").filter(has_text="It weighs 2 kg.")).to_be_visible()
    shoot(page, "retire")
    page.get_by_label("Reason").fill("It became heavier")
    page.get_by_role("button", name="Retire the case").click()
    expect(page.get_by_text(f"Case {first.pk} is retired: no later comparison asks it.")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="It became heavier")).to_contain_text("retired")
    first.refresh_from_db()
    assert first.retired_reason == "It became heavier"
