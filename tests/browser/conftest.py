"""A real Chromium against a real server. Any report of the content policy and any console error fails the test."""

import os
import shutil
from collections.abc import Callable, Collection, Iterator
from typing import Any

import pytest
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.test.testcases import LiveServerThread, _StaticFilesHandler
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.browser.complaints import Complaints
from tests.browser.hostile.payloads import payloads
from tests.browser.hostile.tour import WATCH, tour
from tests.factories import PASSWORD

# Playwright's sync API keeps an event loop in this thread; the tests' own queries run in it all the same.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip
TIMEOUT_MS = 10_000


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Not for longer: while Playwright's loop is there, Django answers no question to an async view in this thread."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


class HashedFiles(_StaticFilesHandler):
    """Serves what was collected, by its hashed names and to be kept for ever, as a deployed site does."""

    def serve(self, request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = super().serve(request)
        response.headers["Cache-Control"] = "max-age=31536000, immutable"
        return response


@pytest.fixture
def site(transactional_db: None, hashed_static: None, settings: Any) -> Iterator[str]:
    """The address of a server on this test's database."""
    # Else Django's server takes each address for a file of this folder first.
    settings.MEDIA_URL = "http://media.invalid/"
    thread = LiveServerThread("127.0.0.1", HashedFiles, connections_override={})
    thread.daemon = True
    thread.start()
    thread.is_ready.wait()
    if thread.error:
        raise thread.error
    yield f"http://127.0.0.1:{thread.port}"
    thread.terminate()


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    noted = Complaints()
    yield noted
    assert not noted.said, "\n".join(noted.said)


@pytest.fixture
def open_context(chromium: Browser, complaints: Complaints) -> Iterator[Callable[..., BrowserContext]]:
    """open_context(**options): a fresh browser profile, watched."""
    contexts: list[BrowserContext] = []

    def listen(page: Page) -> None:
        def on_console(message: ConsoleMessage) -> None:
            if message.type in {"error", "warning"}:
                complaints.note(f"{message.type} at {page.url}: {message.text}")

        page.on("console", on_console)
        page.on("pageerror", lambda error: complaints.note(f"exception at {page.url}: {error}"))

    def make(**options: object) -> BrowserContext:
        context = chromium.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})  # type: ignore[arg-type]
        context.set_default_timeout(TIMEOUT_MS)
        context.on("page", listen)
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def sign_in(open_context: Callable[..., BrowserContext], site: str) -> Callable[..., Page]:
    """sign_in(user, **options): a page of a browser in which `user` has signed in by the form."""

    def signed_in(user: object, **options: object) -> Page:
        user.set_password(PASSWORD)  # type: ignore[attr-defined]
        user.save()  # type: ignore[attr-defined]
        page = open_context(**options).new_page()
        page.goto(f"{site}/accounts/login/")
        page.fill("input[name=login]", user.email)  # type: ignore[attr-defined]
        page.fill("input[name=password]", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{site}/")
        return page

    return signed_in


@pytest.fixture
def watched(
    open_context: Callable[..., BrowserContext], sign_in: Callable[..., Page], complaints: Complaints, site: str
) -> Callable[..., Page]:
    """watched(user): a signed-in page; a dialog, code that runs, a refusal of the policy and a foreign request are noted."""

    def enter(user: object, **options: object) -> Page:
        page = sign_in(user, **options)
        page.context.add_init_script(WATCH)
        page.on("dialog", lambda dialog: (complaints.note(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("popup", lambda popup: complaints.note(f"a window opened: {popup.url}"))
        page.on("request", lambda request: request.url.startswith(site) or complaints.note(f"asked {request.url}"))
        return page

    return enter


@pytest.fixture
def hostile_tour(
    site: str, watched: Callable[..., Page], complaints: Complaints, count: Callable[[int, int], int]
) -> Callable[[Collection[str]], None]:
    """hostile_tour(routes): opens them with every payload; what is foreign on a page or said against it fails."""
    every_row = bool(count(0, 1))
    return lambda routes: tour(site, watched, complaints, routes, payloads(count(30, 300)), every_row=every_row)
