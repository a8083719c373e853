"""A rule's preview in Chromium says what then happens."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from annotations.capture.actions.ingest import ingest_interactions
from annotations.triage.actions.flags import rules_of
from annotations.triage.models import Flag, Rule
from labelhub.projects.models import Project
from labelhub.projects.rights import Role
from tests.factories import make_member, make_project


@pytest.fixture
def project(transactional_db: None) -> Project:
    return make_project()


def capture(project: Project, turn: int) -> None:
    """Ten answers, the n-th of them with the confidence n / 10."""
    items = [
        {"external_id": f"{turn}-{n}", "session": f"talk-{turn}-{n}", "output": "45 euros.", "confidence": n / 10,
         "messages": [{"role": "user", "content": f"How much is lamp {n}?"}]}
        for n in range(10)
    ]  # fmt: skip
    assert all(outcome.fine for outcome in ingest_interactions(project, items))


def test_a_rules_preview_matches_what_then_happens(
    site: str, project: Project, sign_in: Callable[..., Page], run_jobs: Callable[..., None]
) -> None:
    rule = next(rule for rule in rules_of(project) if rule.kind == Rule.Kind.LOW_CONFIDENCE)
    Rule.objects.filter(project=project).update(active=False)
    capture(project, 1)
    run_jobs()
    assert not Flag.objects.exists()

    page = sign_in(make_member(project, Role.MODERATOR))
    page.goto(f"{site}/p/{project.slug}/triage/rules/{rule.pk}/")
    page.fill("#threshold", "0.35")
    page.click("text=What would it have flagged?")
    expect(page.locator("#preview h2")).to_have_text("It would have flagged 4 answers")
    page.check("[name=active]")
    page.click("text=Save")
    expect(page.locator("#toasts")).to_be_visible()

    capture(project, 2)
    run_jobs()
    flagged = set(Flag.objects.values_list("interaction__external_id", flat=True))
    assert flagged == {f"2-{n}" for n in range(4)}, "as many of the same answers, and none that came before"
    page.goto(f"{site}/p/{project.slug}/triage/")
    expect(page.locator(".row")).to_have_count(4)
    page.goto(f"{site}/p/{project.slug}/triage/rules/{rule.pk}/")
    expect(page.locator("main")).to_contain_text("low confidence 0.30")
