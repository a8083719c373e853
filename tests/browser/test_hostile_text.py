"""Hostile text in every column, on every page, in a real browser: it stays text."""

from collections.abc import Callable, Collection

import pytest
from django.test import Client
from playwright.sync_api import Page, expect

from annotations.capture.fields import MIB
from annotations.capture.models import Interaction
from annotations.review.models import Draft
from annotations.triage.actions.flags import raise_flags
from annotations.triage.models import Rule
from labelhub.body import stored_text
from labelhub.projects.models import Project
from labelhub.projects.rights import Role
from tests.browser.complaints import Complaints
from tests.browser.hostile.fields import ADMINISTERED, OURS, World, holds, text_columns
from tests.browser.hostile.pages import NOTHING_TO_SHOW, PAGES, SHARED, addresses, registered, routes
from tests.browser.hostile.payloads import payloads
from tests.browser.hostile.tour import FOREIGN, LOOSE, REFUSED
from tests.factories import (
    FLAWED,
    make_interaction,
    make_label,
    make_member,
    make_project,
    make_queue,
    make_task,
    make_user,
)


def test_every_text_column_is_filled_or_said_to_hold_none() -> None:
    columns = text_columns()
    assert set(OURS) <= set(columns), set(OURS) - set(columns)
    assert len(columns) - len(OURS) > 60


def test_every_address_is_visited_or_said_to_show_nothing() -> None:
    assert set(ADMINISTERED) == registered()
    known = [*PAGES, *SHARED, *NOTHING_TO_SHOW]
    assert len(known) == len(set(known))
    assert set(known) == routes(), set(known) ^ routes()


def test_the_payloads_are_distinct_and_of_every_kind() -> None:
    first = "\n".join(payloads(30))
    assert len(set(payloads(300))) == 300
    for kind in ("<script", "onerror", "javascript:", "hx-", "{{", "{%", "<math", "<svg", "</"):
        assert kind in first, kind


@pytest.mark.django_db(transaction=True)
def test_a_world_holds_its_words_in_every_column_that_can_hold_words() -> None:
    words = "<img src=x onerror=pwned()>{{7*7}}"
    World.of(words, make_user("Olga"))
    empty = [name for name, column in text_columns().items() if name not in OURS and not holds(column, words)]
    assert not empty


@pytest.mark.bar("S5", "3a-51", "3a-52")
def test_hostile_text_is_text_on_every_page_of_the_site(hostile_tour: Callable[[Collection[str]], None]) -> None:
    hostile_tour([route for route in [*PAGES, *SHARED] if not route.startswith("admin/")])


@pytest.fixture
def stretch(transactional_db: None, count: Callable[[int, int], int]) -> list[str]:
    """Hostile prompts that wait in a queue, for approval and on the board, in this order."""
    project = make_project(slug="stretch")
    queue, expert = make_queue(project, slug="words", name="Words"), make_member(project)
    rule = Rule.objects.create(project=project, kind=Rule.Kind.THUMB_DOWN)
    texts = [stored_text(payload)[0] for payload in payloads(count(5, 50))]  # a list shows fifty
    for text in texts:
        judged, waiting = (make_interaction(project, prompt=text, output=f"{text} it said") for _ in range(2))
        comment = {"start": 0, "end": len(text), "exact": text, "text": text, "replacement": text}
        make_label(
            make_task(queue, judged), expert, verdict="flawed", rewrite=f"{text} indeed", comments=[comment], note=text
        )
        make_task(queue, waiting, reason=text[:300])
        raise_flags(project, [(rule, waiting, text[:300])])
    return texts


@pytest.mark.bar("S5", "3a-51", "3a-52")
def test_hostile_text_is_text_in_what_htmx_puts_into_the_page(
    site: str, stretch: list[str], watched: Callable[..., Page], complaints: Complaints
) -> None:
    complaints.expected.append("409")
    project = Project.objects.get(slug="stretch")
    page = watched(make_member(project, Role.MODERATOR))
    for path in ("approvals", "triage"):
        page.goto(f"{site}/p/stretch/{path}/")
        for n, text in enumerate(stretch):
            if n:
                page.keyboard.press("j")
            shows(page, "#item", text)
            stays_ours(page, complaints, text)
    page.goto(f"{site}/p/stretch/q/words/")
    page.keyboard.press("Control+Enter")
    for text in stretch:
        shows(page, "#output", f"{text} it said")
        page.keyboard.press("?")  # the sheet reads its words from the page
        expect(page.locator("#keys")).to_be_visible()
        page.keyboard.press("Escape")
        type_and_conflict(page, text)
        stays_ours(page, complaints, text)
        page.keyboard.press("Escape")
        page.keyboard.press("s")
        page.fill("#skip-reason", text.replace("\n", " ")[:300])
        page.keyboard.press("Enter")
        expect(page.locator("#toasts")).to_contain_text("Skipped.")


def type_and_conflict(page: Page, text: str) -> None:
    """Autosave answers with the diff, then with what another tab has saved."""
    page.fill("#rewrite", f"{text} typed")
    expect(page.locator("#saved")).to_contain_text("Saved")
    expect(page.locator("#diff")).not_to_be_empty()
    Draft.objects.filter(content__rewrite=f"{text} typed").update(version=9, content={"rewrite": text})
    page.locator("details:has(> div #note)").evaluate("fold => { fold.open = true; }")
    page.fill("#note", text)
    expect(page.locator("#refusals")).to_contain_text("Saved by the other tab")
    assert page.locator("#refusals .said").all_text_contents() == [f"{text} typed", text]


def shows(page: Page, place: str, text: str) -> None:
    page.wait_for_function("([at, text]) => document.querySelector(at)?.textContent === text", arg=[place, text])
    page.wait_for_function(
        "() => !document.querySelector('.htmx-added, .htmx-settling, .htmx-swapping, .htmx-request')"
    )


def stays_ours(page: Page, complaints: Complaints, text: str) -> None:
    foreign = page.evaluate(FOREIGN) + page.evaluate(LOOSE)
    assert not foreign, f"{text!r}: {foreign}"
    assert not complaints.said, f"{text!r}: {complaints.said}"


@pytest.mark.bar("S5")
@pytest.mark.parametrize("markup", ["<img src=x onerror=pwned()>", "<svg onload=pwned()>", "<iframe src='javascript:1'></iframe>",
                                    "<a href='//evil.test'>x</a>", "<b hx-on:click=pwned()>x</b>"])  # fmt: skip
def test_the_watch_notices_markup_and_the_policy_keeps_it_from_running(
    site: str, watched: Callable[..., Page], complaints: Complaints, markup: str
) -> None:
    complaints.expected.append(REFUSED)
    page = watched(make_user("Olga"))
    page.evaluate("markup => document.body.insertAdjacentHTML('beforeend', markup)", markup)
    page.wait_for_timeout(200)
    assert page.evaluate(FOREIGN)
    assert not any("ran:" in said for said in complaints.said)
    complaints.said.clear()


LONG = {  # one sixteenth of each in the small count: a browser lays out a MiB for many seconds
    "a word of 128 KiB": "Donaudampfschiff" * (MIB // 128),
    "a line of one MiB": "Donau dampf schiff " * (MIB // 20),
    "200,000 line ends": "\n" * 200_000,
    "characters that do not break": "🏔\u200d" * (MIB // 8),
    "right to left": "مرحبا " * 20_000,
}
READ = [route for route in PAGES if route.startswith("p/") and route.endswith((">/q/<slug:queue>/", "<int:pk>/"))]


@pytest.mark.bar("3a-15")
@pytest.mark.parametrize("kind", LONG)
def test_long_lines_do_not_widen_a_page_on_a_phone(
    site: str, watched: Callable[..., Page], kind: str, count: Callable[[int, int], int]
) -> None:
    text = LONG[kind][: len(LONG[kind]) // count(16, 1)] + "end"
    by = make_user("Olga")
    world = World.of(text[:200], by)
    Interaction.objects.filter(session=world.session).update(prompt=text, output=text, system_context=text)
    payload = {**FLAWED, "rewrite": f"{text} indeed", "note": text}
    world.waiting = make_label(
        make_task(world.queue, make_interaction(world.project, output=text)), world.expert, **payload
    )
    page = watched(by, viewport={"width": 390, "height": 844})
    for route, path in [(one, path) for one in READ for path in addresses(one, world)]:
        answer = page.goto(site + path, timeout=240_000)
        assert answer
        assert answer.status == 200
        root = "document.documentElement"
        assert page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth"), f"{route} is widened by {kind}"


@pytest.mark.bar("3a-54")
def test_no_page_of_ours_stands_in_a_frame(
    site: str, sign_in: Callable[..., Page], complaints: Complaints, settings: object
) -> None:
    page = sign_in(make_member(make_project(slug="framed"), Role.MODERATOR))
    for path in ("/", "/p/framed/", "/p/framed/triage/", "/admin/login/", "/accounts/login/", "/nothing/"):
        headers = page.request.get(site + path).headers
        assert headers["x-frame-options"] == "DENY", path
        assert "frame-ancestors 'none'" in headers["content-security-policy"], path
    page.route(
        "**/framing.html", lambda route: route.fulfill(body="<iframe src=/me/></iframe>", content_type="text/html")
    )
    page.goto(f"{site}/framing.html")
    page.wait_for_timeout(500)
    inside = page.frames[1]
    assert not inside.url.startswith(site) or "Name, theme and keys" not in inside.content()
    assert any("frame" in said for said in complaints.said)
    complaints.said.clear()


@pytest.mark.bar("3a-53")
@pytest.mark.django_db
def test_a_form_without_its_token_or_from_elsewhere_is_refused_whatever_it_says_of_itself() -> None:
    project = make_project(slug="guarded")
    queue = make_queue(project, slug="words")
    task = make_task(queue)
    paths = ["/p/guarded/q/words/claim/", f"/p/guarded/tasks/{task.pk}/skip/", "/me/", "/accounts/logout/",
             "/admin/training/trainingrun/freeze/", "/api/v1/queues/?project=guarded"]  # fmt: skip
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_member(project, Role.ADMIN))
    client.get("/me/")
    token = client.cookies["labelhub_csrf"].value
    cases: list[tuple[dict[str, str], str]] = [
        ({"HX-Request": "true"}, "application/x-www-form-urlencoded"),
        ({"HX-Request": "true"}, "text/plain"),
        ({"HX-Request": "true", "X-CSRFToken": "x" * 64}, "application/x-www-form-urlencoded"),
        (
            {"HX-Request": "true", "X-CSRFToken": token, "Origin": "https://evil.test"},
            "application/x-www-form-urlencoded",
        ),
        ({"HX-Request": "true", "X-CSRFToken": token, "Origin": "null"}, "text/plain"),
    ]
    for path in paths:
        for headers, kind in [*cases, (cases[0][0], "application/json")]:
            answer = client.post(path, "{}" if "json" in kind else "name=x", content_type=kind, headers=headers)
            readable = not path.startswith("/api/") or kind == "application/json"
            assert answer.status_code == 403 if readable else answer.status_code in {403, 415}, (
                f"{path} {headers} {kind} {answer.status_code}"
            )
    assert not task.claim_set.exists()
