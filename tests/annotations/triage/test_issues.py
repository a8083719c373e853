"""Product issues: they collect sessions that the model is not to blame for."""

import json
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotations.triage.actions.decisions import undo
from annotations.triage.actions.flags import raise_flags, rules_of
from annotations.triage.actions.issues import make_issue_of, set_state
from annotations.triage.board import on_board
from annotations.triage.models import Decision, ProductIssue
from annotations.triage.views import issues as pages
from labelhub.errors import Invalid, NotAllowed, StaleState
from labelhub.projects.rights import Role
from tests.factories import make_interaction, make_member, make_project

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hashed_static")]


@pytest.fixture
def project():
    return make_project(slug="fern")


@pytest.fixture
def moderator(project):
    return make_member(project, Role.MODERATOR, name="Omar")


@pytest.fixture
def browser(moderator):
    client = Client()
    client.force_login(moderator)
    return client


def flagged(project, prompt="Where is my parcel?"):
    interaction = make_interaction(project, prompt=prompt, output="=Soon")
    raise_flags(project, [(rules_of(project)[0], interaction, "thumb down")])
    return interaction.session


def test_sessions_of_one_title_come_under_one_issue_and_leave_the_board(project, moderator):
    for title in ("Parcels are slow", "  Parcels   are slow "):
        make_issue_of(flagged(project), title=title, by=moderator)
    issue = ProductIssue.objects.get()
    assert issue.decisions.count() == 2
    assert not on_board(project).exists()
    assert on_board(project, "resolved").count() == 2


def test_an_issue_that_is_met_again_is_open_again(project, moderator):
    decision = make_issue_of(flagged(project), title="Slow", by=moderator)
    set_state(decision.issue, to="closed", by=moderator)
    with pytest.raises(StaleState, match="closed already"):
        set_state(ProductIssue.objects.get(), to="closed", by=moderator)
    make_issue_of(flagged(project), title="Slow", by=moderator)
    assert ProductIssue.objects.get().state == "open"


def test_what_was_put_there_is_taken_back_and_the_issue_stays(project, moderator):
    session = flagged(project)
    undo(make_issue_of(session, title="Slow", by=moderator), by=moderator)
    assert list(on_board(project)) == [session]
    assert ProductIssue.objects.exists()


def test_bad_titles_people_without_the_right_and_decided_sessions_are_refused(project, moderator):
    session = flagged(project)
    for title in (" ", "x" * 201):
        with pytest.raises(Invalid) as refused:
            make_issue_of(session, title=title, by=moderator)
        assert refused.value.extra["field"] == "title"
    with pytest.raises(NotAllowed):
        make_issue_of(session, title="Slow", by=make_member(project))
    make_issue_of(session, title="Slow", by=moderator)
    with pytest.raises(StaleState):
        make_issue_of(session, title="Slow", by=moderator)


def test_pages_and_export_show_its_sessions_by_one_number_of_queries(project, moderator, browser):
    seen = {}
    for n in range(3):
        flagged_session = flagged(project, f"<b>{n}</b>")
        answer = browser.post(f"/p/fern/triage/{flagged_session.pk}/issue/", {"title": "<i>Slow</i>"})
        assert answer.status_code == 302
        issue = ProductIssue.objects.get()
        for path in ("", f"{issue.pk}/", f"{issue.pk}/sessions.jsonl"):
            with CaptureQueriesContext(connection) as queries:
                shown = browser.get(f"/p/fern/triage/issues/{path}")
                text = shown.getvalue().decode()
            assert shown.status_code == 200
            assert seen.setdefault(path, len(queries)) == len(queries), path
            assert "<i>Slow" not in text or path.endswith(".jsonl")
    lines = [json.loads(line) for line in text.splitlines()]
    assert [(line["prompt"], line["output"], line["evidence"]) for line in lines] == [
        (f"<b>{n}</b>", "=Soon", "thumb down") for n in range(3)
    ]
    assert browser.post(f"/p/fern/triage/issues/{issue.pk}/", {"state": "closed"}).status_code == 302
    assert ProductIssue.objects.get().state == "closed"


def test_the_sessions_of_an_issue_stand_page_by_page(project, moderator, browser, monkeypatch):
    monkeypatch.setattr(pages, "PAGE", 2)
    for n in range(5):
        issue = make_issue_of(flagged(project, f"Question {n}?"), title="Slow", by=moderator).issue
    seen, address = [], "?"
    while address:
        text = browser.get(f"/p/fern/triage/issues/{issue.pk}/{address}").content.decode()
        seen += re.findall(r"Question (\d)", text)
        further = re.search(r'href="(\?before=\d+)" rel="next"', text)
        address = further[1] if further else ""
    assert seen == list("43210")
    assert "met 5 times" in text


def test_there_are_none_at_first_and_those_of_others_are_not_there(project, moderator, browser):
    assert "No product issues" in browser.get("/p/fern/triage/issues/").content.decode()
    other = make_project()
    foreign = make_issue_of(flagged(other), title="Slow", by=make_member(other, Role.MODERATOR)).issue
    for path in (f"{foreign.pk}/", f"{foreign.pk}/sessions.jsonl"):
        assert browser.get(f"/p/fern/triage/issues/{path}").status_code == 404


def test_a_decision_that_makes_an_issue_names_it(project, moderator):
    make_issue_of(flagged(project), title="Slow", by=moderator)
    assert Decision.objects.get().issue.title == "Slow"


@pytest.mark.bar("3a-60", "3a-61")
def test_its_file_has_texts_as_they_came_and_no_name_of_a_person(project, moderator, browser):
    words = "=cmd|'/C calc'!A0\n\u202e../../etc/x"
    issue = make_issue_of(flagged(project, words), title='a";\nfilename=../../x.exe', by=moderator).issue
    answer = browser.get(f"/p/fern/triage/issues/{issue.pk}/sessions.jsonl")
    assert [json.loads(line)["prompt"] for line in answer.getvalue().decode().splitlines()] == [words]
    assert (answer["Content-Type"], answer["X-Content-Type-Options"]) == ("application/jsonl; charset=utf-8", "nosniff")
    assert "Content-Disposition" not in answer
