"""The board page by page: below the place where the last page ended, whatever came or went since."""

import random
import re
from datetime import timedelta
from itertools import chain

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.html import escape

from annotations.triage.actions.decisions import dismiss_all
from annotations.triage.actions.flags import raise_flags, rules_of
from annotations.triage.board import below, is_mark, mark, on_board
from annotations.triage.models import Flag
from annotations.triage.views.listed import PAGE
from labelhub.projects.rights import Role
from tests.factories import make_interaction, make_member, make_project

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hashed_static")]
SESSIONS = 2 * PAGE + 20
PRAISED = SESSIONS // 5


@pytest.fixture
def project():
    """Sessions with one to three flags of every severity, some at the very same time, some of them praise."""
    project, draw = make_project(), random.Random(7)
    rules = {rule.kind: rule for rule in rules_of(project)}
    now = timezone.now()
    for n in range(SESSIONS):
        interaction = make_interaction(project, prompt=f"Question {n}")
        kinds = draw.sample(["thumb_down", "suggested", "low_confidence"], draw.randint(1, 3))
        raise_flags(project, [(rules[kind], interaction, kind) for kind in (kinds if n % 5 else ["copied"])])
        at = now - timedelta(minutes=draw.randint(0, 9))
        Flag.objects.filter(session=interaction.session).update(at=at, severity=draw.randint(1, 3))
    return project


@pytest.fixture
def moderator(project):
    return make_member(project, Role.MODERATOR)


@pytest.fixture
def client(moderator):
    client = Client()
    client.force_login(moderator)
    return client


def shown(page):
    return [int(pk) for pk in re.findall(r'id="session-(\d+)"', page)]


def following(page):
    """The address that leads on, as it stands on the page."""
    found = re.search(r'<a href="([^"]+)" rel="next">', page)
    return found[1].replace("&amp;", "&") if found else None


def walked(client, address):
    pages = []
    while address:
        page = client.get(address).content.decode()
        pages.append(shown(page))
        address = following(page)
    return pages


def test_page_by_page_every_session_stands_once_in_the_order_of_the_board(client, project):
    pages = walked(client, f"/p/{project.slug}/triage/")
    assert [len(page) for page in pages] == [PAGE, PAGE, SESSIONS - 2 * PAGE]
    assert list(chain.from_iterable(pages)) == [session.pk for session in on_board(project)]


def test_a_page_that_the_last_session_fills_leads_no_further(client, project, moderator):
    dismiss_all(on_board(project)[PAGE:], by=moderator, reason="seen")
    assert [len(page) for page in walked(client, f"/p/{project.slug}/triage/")] == [PAGE]


def test_what_is_decided_on_has_pages_the_newest_first(client, project, moderator):
    dismiss_all(on_board(project), by=moderator, reason="seen")
    pages = walked(client, f"/p/{project.slug}/triage/?tab=resolved")
    assert list(chain.from_iterable(pages)) == [session.pk for session in on_board(project, "resolved")]
    assert len(pages) == 3


def test_a_page_begins_where_it_began_when_what_stood_before_it_is_decided(client, project, moderator):
    first = client.get(f"/p/{project.slug}/triage/").content.decode()
    second = client.get(following(first)).content.decode()
    assert not dismiss_all(on_board(project)[:PAGE], by=moderator, reason="seen").refused
    again = client.get(following(first)).content.decode()
    assert shown(again) == shown(second)
    assert f'href="/p/{project.slug}/triage/">From the top</a>' in again


def test_a_page_is_asked_with_as_many_queries_as_the_first(client, project):
    first = client.get(f"/p/{project.slug}/triage/")
    counted = []
    for address in (f"/p/{project.slug}/triage/", following(first.content.decode())):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get(address)
        counted.append(len(queries))
    assert counted[0] == counted[1]


def test_after_a_decision_one_stays_on_the_page(client, project):
    second = following(client.get(f"/p/{project.slug}/triage/").content.decode())
    pk, after = shown(client.get(second).content.decode())[:2]
    address = second.partition("?")[2]
    went = client.post(f"/p/{project.slug}/triage/{pk}/dismissal/?{address}", {"reason": "seen"})
    assert went["Location"] == f"/p/{project.slug}/triage/{after}/?{address}"
    assert shown(client.get(went["Location"]).content.decode())[0] == after
    assert escape(address.partition("=")[2]) in client.get(went["Location"]).content.decode()


def test_a_page_with_nothing_left_says_so_and_leads_to_the_top(client, project, moderator):
    last = on_board(project).last()
    page = client.get(f"/p/{project.slug}/triage/", {"below": mark(last)}).content.decode()
    assert "Nothing here" in page
    assert "From the top" in page
    assert "The board is clear" not in page


@pytest.mark.parametrize("text", [
    "", "~", "~~~", "x~1~2026-01-01T00:00:00+00:00~1", "~1~2026-01-01T00:00:00+00:00~", "~1~2026-01-01~1",
    "2026-01-01T00:00:00~1~2026-01-01T00:00:00+00:00~1", "~1~2026-01-01T00:00:00+00:00~1~1", "\x00", "' OR 1=1", "é~1~1~1",
])  # fmt: skip
def test_a_mark_that_is_none_begins_at_the_top(client, project, text):
    assert not is_mark(text)
    first = client.get(f"/p/{project.slug}/triage/").content.decode()
    assert shown(client.get(f"/p/{project.slug}/triage/", {"below": text}).content.decode()) == shown(first)


@pytest.mark.parametrize(("text", "older"), [
    ("~1~0001-01-01T00:00:00+14:00~1", 0),
    ("9999-12-31T23:59:59-14:00~999999999~9999-12-31T23:59:59-14:00~999999999999999999", SESSIONS),
])  # fmt: skip
def test_a_mark_of_any_time_is_one(project, text, older):
    assert is_mark(text)
    assert below(on_board(project), text, newest=True).count() == older
    assert below(on_board(project), text, newest=False).count() == PRAISED, "what is never due stands below everything"
