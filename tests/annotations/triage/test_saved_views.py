"""A moderator's own tabs of the board: a filter under a name, with its count, for them alone."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotations.triage.actions.decisions import dismiss
from annotations.triage.actions.flags import raise_flags, rules_of
from annotations.triage.actions.saved_views import MOST, remove_view, save_view
from annotations.triage.board import in_view
from annotations.triage.models import SavedView
from labelhub.errors import Conflict, Invalid, NotAllowed, NotFound
from labelhub.projects.rights import Role
from tests.factories import make_interaction, make_member, make_project

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hashed_static")]


@pytest.fixture
def project():
    return make_project()


@pytest.fixture
def moderator(project):
    return make_member(project, Role.MODERATOR)


@pytest.fixture
def rule(project):
    return {rule.kind: rule for rule in rules_of(project)}


@pytest.fixture
def client(moderator):
    client = Client()
    client.force_login(moderator)
    return client


def flagged(project, rule, prompt="Where is my parcel?"):
    interaction = make_interaction(project, prompt=prompt)
    raise_flags(project, [(rule, interaction, str(rule))])
    return interaction.session


def test_a_tab_shows_the_open_sessions_that_its_filter_names(project, moderator, rule):
    thumb, worse = flagged(project, rule["thumb_down"]), flagged(project, rule["suggested"], "How much is 100% wool?")
    by_rule = save_view(project, by=moderator, name="Thumbs", rule=rule["thumb_down"])
    harmful = save_view(project, by=moderator, name="Harmful", severity=3)
    worded = save_view(project, by=moderator, name="Wool", words="100% WOOL")
    assert [list(in_view(view)) for view in (by_rule, harmful, worded)] == [[thumb], [worse], [worse]]
    dismiss(worse, by=moderator, reason="spam")
    assert [in_view(view).count() for view in (by_rule, harmful, worded)] == [1, 0, 0]


def test_a_tab_stands_on_the_board_with_its_count_for_its_owner_alone(project, moderator, client, rule):
    flagged(project, rule["thumb_down"])
    flagged(project, rule["suggested"])
    body = {"name": "Harmful <b>", "severity": "3", "rule": "", "words": ""}
    made = client.post(f"/p/{project.slug}/triage/views/", body)
    view = SavedView.objects.get()
    assert made["Location"] == f"/p/{project.slug}/triage/?tab=view-{view.pk}"
    page = client.get(made["Location"]).content.decode()
    assert "Harmful &lt;b&gt;" in page
    assert page.count('class="row"') == 1
    other = Client()
    other.force_login(make_member(project, Role.MODERATOR))
    theirs = other.get(made["Location"]).content.decode()
    assert "Harmful" not in theirs
    assert theirs.count('class="row"') == 2, "what is not there is the first tab"
    assert other.post(f"/p/{project.slug}/triage/views/{view.pk}/removal/").status_code == 404
    assert client.post(f"/p/{project.slug}/triage/views/{view.pk}/removal/").status_code == 302
    assert not SavedView.objects.exists()


def test_what_no_tab_can_be_is_refused(project, moderator, rule):
    save_view(project, by=moderator, name="Mine")
    with pytest.raises(Conflict):
        save_view(project, by=moderator, name=" Mine ")
    foreign = {one.kind: one for one in rules_of(make_project())}["thumb_down"]
    with pytest.raises(NotFound):
        save_view(project, by=moderator, name="Theirs", rule=foreign)
    with pytest.raises(NotAllowed):
        save_view(project, by=make_member(project), name="An expert's")
    for wrong in {"name": " "}, {"name": "x" * 41}, {"name": "y", "words": "x" * 101}, {"name": "y", "severity": 4}:
        with pytest.raises(Invalid):
            save_view(project, by=moderator, **wrong)
    for n in range(MOST - 1):
        save_view(project, by=moderator, name=str(n))
    with pytest.raises(Invalid, match="remove one first"):
        save_view(project, by=moderator, name="one more")
    with pytest.raises(NotFound):
        remove_view(SavedView.objects.first(), by=make_member(project, Role.MODERATOR))


def test_a_foreign_rule_answers_as_an_unknown_one(project, client):
    foreign = rules_of(make_project())[0].pk
    for pk in foreign, 999_999_999:
        body = {"name": "Theirs", "severity": "1", "rule": str(pk)}
        assert client.post(f"/p/{project.slug}/triage/views/", body).status_code == 404
    assert not SavedView.objects.exists()


def test_a_decision_leads_on_within_the_tab(project, moderator, client, rule):
    first, second = flagged(project, rule["suggested"]), flagged(project, rule["suggested"])
    flagged(project, rule["thumb_down"])
    view = save_view(project, by=moderator, name="Harmful", severity=3)
    at = f"/p/{project.slug}/triage/{first.pk}/dismissal/?tab=view-{view.pk}"
    gone = client.post(at, {"reason": "spam"})
    assert gone["Location"] == f"/p/{project.slug}/triage/{second.pk}/?tab=view-{view.pk}"


def test_the_list_asks_as_often_for_many_sessions_as_for_one(project, moderator, client, rule):
    view = save_view(project, by=moderator, name="Harmful", severity=3)

    def queries():
        with CaptureQueriesContext(connection) as caught:
            assert client.get(f"/p/{project.slug}/triage/?tab=view-{view.pk}").status_code == 200
        return len(caught)

    flagged(project, rule["suggested"])
    few = queries()
    for _ in range(5):
        flagged(project, rule["suggested"])
    assert queries() == few
