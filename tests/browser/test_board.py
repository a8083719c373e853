"""Triage by keyboard."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from annotations.capture.models import Session
from annotations.review.models import Queue, ReviewTask
from annotations.triage.actions.decisions import route
from annotations.triage.actions.flags import raise_flags, rules_of
from annotations.triage.models import Decision
from labelhub.projects.models import Project
from labelhub.projects.rights import Role
from tests.factories import make_interaction, make_member, make_project, make_queue


@pytest.fixture
def project(transactional_db: None) -> Project:
    project = make_project()
    make_queue(project, name="Refunds")
    for n, question in enumerate(["Where is it?", "How long is it?", "Is it blue?"]):
        interaction = make_interaction(project, prompt=question)
        raise_flags(project, [(rule, interaction, "flagged") for rule in rules_of(project)[n:3]])
    return project


def test_a_moderator_routes_undoes_moves_and_dismisses_by_keyboard(
    site: str, project: Project, sign_in: Callable[..., Page]
) -> None:
    page = sign_in(make_member(project, Role.MODERATOR))
    page.goto(f"{site}/p/{project.slug}/triage/")
    title, keys = page.locator("#item"), page.keyboard
    expect(title).to_have_text("Where is it?")
    keys.press("j")
    expect(title).to_have_text("How long is it?")
    expect(page.locator(".row[aria-current] .says")).to_have_text("How long is it?")
    keys.press("k")
    expect(title).to_have_text("Where is it?")

    keys.press("q")
    keys.press("Control+Enter")
    expect(page.locator("#toasts")).to_contain_text("Sent to Refunds.")
    expect(title).to_have_text("How long is it?")
    assert ReviewTask.objects.count() == 1
    keys.press("z")
    expect(page.locator("#toasts")).to_contain_text("Taken back.")
    page.wait_for_load_state()
    assert not Decision.objects.exists()
    expect(title).to_have_text("Where is it?")

    keys.press("d")
    keys.type("right answer")
    keys.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("Dismissed.")
    expect(page.locator(".row")).to_have_count(2)


def test_a_new_flag_appears_on_an_open_board(site: str, project: Project, sign_in: Callable[..., Page]) -> None:
    page = sign_in(make_member(project, Role.MODERATOR))
    page.goto(f"{site}/p/{project.slug}/triage/")
    expect(page.locator(".row")).to_have_count(3)
    raise_flags(project, [(rules_of(project)[0], make_interaction(project, prompt="Brand new?"), "flagged")])
    expect(page.locator(".list")).to_contain_text("Brand new?")
    expect(page.locator(".row")).to_have_count(4)


def test_who_decided_takes_it_back_on_the_timeline_without_javascript(
    site: str, project: Project, sign_in: Callable[..., Page]
) -> None:
    moderator = make_member(project, Role.MODERATOR)
    session = Session.objects.get(interaction__prompt="Where is it?")
    route(session, queue=Queue.objects.get(), by=moderator, reason="Which parcel?")
    page = sign_in(moderator, java_script_enabled=False)
    page.goto(f"{site}/p/{project.slug}/sessions/{session.pk}/")
    expect(page.locator(".timeline")).to_contain_text("Which parcel?")
    page.locator(".timeline >> text=Undo").click()
    expect(page.locator("#item")).to_have_text("Where is it?")
    expect(page.locator(".timeline >> text=Undo")).to_have_count(0)
    assert not ReviewTask.objects.exists()


def test_forty_flagged_sessions_are_cleared_by_keyboard(
    site: str, transactional_db: None, sign_in: Callable[..., Page]
) -> None:
    """Chosen in a range and dismissed in one step, taken back, then one by one."""
    project = make_project()
    make_queue(project, name="Refunds")
    rule = rules_of(project)[0]
    for n in range(40):
        raise_flags(project, [(rule, make_interaction(project, prompt=f"Question {n}?"), "thumb down")])
    page = sign_in(make_member(project, Role.MODERATOR))
    page.goto(f"{site}/p/{project.slug}/triage/")
    title, keys = page.locator("#item"), page.keyboard
    expect(title).to_have_text("Question 0?")
    keys.press("x")
    for n in range(1, 20):
        keys.press("j")
        expect(title).to_have_text(f"Question {n}?")
    keys.press("Shift+X")
    expect(page.locator("#rows .chosen")).to_have_text("20 chosen")
    page.wait_for_timeout(3_500)  # the list comes anew meanwhile
    expect(page.locator("input[name=session]:checked")).to_have_count(20)
    keys.press("d")
    expect(page.locator("#dismiss .chosen")).to_have_text("20 chosen")
    keys.type("test traffic")
    keys.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("20 dismissed.")
    expect(page.locator(".row")).to_have_count(20)
    keys.press("z")
    expect(page.locator("#toasts")).to_contain_text("Taken back.")
    expect(page.locator(".row")).to_have_count(40)
    assert not Decision.objects.exists()

    for n in range(40):
        expect(title).to_have_text(f"Question {n}?")
        if n == 0:
            keys.press("m")
            expect(page.locator("#toasts")).to_contain_text("It is yours")
        keys.press("q" if n % 2 else "d")
        if n % 2:
            keys.press("Control+Enter")
        else:
            keys.type("fine")
            keys.press("Enter")
        expect(page.locator(".row")).to_have_count(39 - n)
    expect(page.locator(".list")).to_contain_text("The board is clear")
    assert (Decision.objects.filter(kind="route").count(), ReviewTask.objects.count()) == (20, 20)
