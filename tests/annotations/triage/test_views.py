"""The board over HTTP."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotations.capture.models import Session
from annotations.review.models import ReviewTask
from annotations.triage import board
from annotations.triage.actions.flags import raise_flags, rules_of
from annotations.triage.models import Decision, Rule
from annotations.triage.views import sessions as board_views
from labelhub.projects.models import Project
from labelhub.projects.rights import Role
from tests.factories import (
    make_claim,
    make_feedback,
    make_interaction,
    make_label,
    make_member,
    make_project,
    make_queue,
    make_task,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hashed_static")]
HTMX = {"HX-Request": "true"}


def flagged(project: Project, kind: str = Rule.Kind.THUMB_DOWN, **over: Any) -> Session:
    interaction = make_interaction(project, **over)
    make_feedback(interaction)
    rule = next(rule for rule in rules_of(project) if rule.kind == kind)
    raise_flags(project, [(rule, interaction, "thumb down: “<b>no</b>”")])
    return interaction.session


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def moderator(project: Project) -> Client:
    client = Client()
    client.force_login(make_member(project, Role.MODERATOR, name="Omar"))
    return client


def test_strangers_and_experts_get_404(project: Project) -> None:
    session = flagged(project)
    for user in (make_member(make_project(), Role.ADMIN), make_member(project)):
        client = Client()
        client.force_login(user)
        for tail in ["triage/", "triage/rows/", f"triage/{session.pk}/", f"sessions/{session.pk}/"]:
            assert client.get(f"/p/{project.slug}/{tail}").status_code == 404, tail
        for tail in [f"triage/{session.pk}/route/", f"triage/{session.pk}/dismissal/", "decisions/1/undo/"]:
            assert client.post(f"/p/{project.slug}/{tail}").status_code == 404, tail


def test_the_most_urgent_session_is_open_beside_the_list(project: Project, moderator: Client) -> None:
    flagged(project, Rule.Kind.ABANDONED, prompt="Where is my parcel?")
    flagged(project, Rule.Kind.SUGGESTED, prompt="Is it waterproof?")
    page = moderator.get(f"/p/{project.slug}/triage/").content.decode()
    assert page.index("Is it waterproof?") < page.index("Where is my parcel?")
    assert 'id="item">Is it waterproof?' in page
    assert "&lt;b&gt;no&lt;/b&gt;" in page


def test_a_clear_board_says_so(project: Project, moderator: Client) -> None:
    assert "The board is clear" in moderator.get(f"/p/{project.slug}/triage/").content.decode()


def test_the_poll_answers_204_until_something_changes(project: Project, moderator: Client) -> None:
    session = flagged(project)
    page = moderator.get(f"/p/{project.slug}/triage/").content.decode()
    poll = page.split('hx-get="')[1].split('"')[0].replace("&amp;", "&")
    assert moderator.get(poll, headers=HTMX).status_code == 204
    flagged(project)
    changed = moderator.get(poll, headers=HTMX)
    assert changed.status_code == 200
    assert f'id="session-{session.pk}" data-urgency="2"' in changed.content.decode()
    assert 'aria-current="true"' in changed.content.decode()


def test_sending_to_a_queue_makes_tasks_shows_the_next_and_can_be_taken_back(
    project: Project, moderator: Client
) -> None:
    first, second = flagged(project, Rule.Kind.SUGGESTED), flagged(project)
    queue = make_queue(project)
    body = moderator.post(
        f"/p/{project.slug}/triage/{first.pk}/route/", {"queue": queue.slug}, headers=HTMX
    ).content.decode()
    assert f"triage/{second.pk}/route/" in body
    assert ReviewTask.objects.filter(queue=queue).count() == 1
    undo = f"/p/{project.slug}/decisions/{Decision.objects.get().pk}/undo/"
    assert undo in body
    moderator.post(undo)
    assert not ReviewTask.objects.exists()
    assert not Decision.objects.exists()


def test_who_decided_takes_it_back_on_the_timeline_until_an_expert_has_begun(
    project: Project, moderator: Client
) -> None:
    session, queue = flagged(project), make_queue(project)
    moderator.post(f"/p/{project.slug}/triage/{session.pk}/route/", {"queue": queue.slug})
    undo = f"/p/{project.slug}/decisions/{Decision.objects.get().pk}/undo/"
    pages = [f"/p/{project.slug}/triage/{session.pk}/", f"/p/{project.slug}/sessions/{session.pk}/"]
    moderator.get(pages[0])  # the toast, which offers it too, has been seen
    other = Client()
    other.force_login(make_member(project, Role.MODERATOR))
    for page in pages:
        assert undo in moderator.get(page).content.decode()
        assert undo not in other.get(page).content.decode()
    make_claim(ReviewTask.objects.get(), make_member(project))
    for page in pages:
        assert undo not in moderator.get(page).content.decode()
    assert moderator.post(undo).status_code == 409


def test_a_session_without_end_is_shown_by_its_last_answers(
    project: Project, moderator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board, "LAST", 2)
    monkeypatch.setattr(board_views, "REASONS", 1)
    session = flagged(project, prompt="the flagged one")
    rule = rules_of(project)[1]
    raise_flags(project, [(rule, session.interaction_set.get(), "asked again")])
    for n in range(5):
        make_interaction(project, session=session, prompt=f"question {n}")
    page = moderator.get(f"/p/{project.slug}/triage/{session.pk}/").content.decode()
    assert "3 earlier answers of this session are not shown" in page
    assert "and 1 more like these" in page
    assert "6 answers" in page
    assert "question 2" not in page


def test_a_reason_that_is_too_long_is_refused_not_cut(project: Project, moderator: Client) -> None:
    session, queue = flagged(project), make_queue(project)
    page = moderator.get(f"/p/{project.slug}/triage/{session.pk}/").content.decode()
    for tail, field, limit in (("route", "route-reason", 200), ("dismissal", "dismiss-reason", 300)):
        assert f'id="{field}" name="reason" maxlength="{limit}"' in page
        body = {"queue": queue.slug, "reason": "x" * (limit + 1)}
        refused = moderator.post(f"/p/{project.slug}/triage/{session.pk}/{tail}/", body)
        assert (refused.status_code, f"at most {limit} characters" in refused.content.decode()) == (422, True)


def test_where_there_is_no_queue_an_admin_is_led_to_the_page_that_makes_one(
    project: Project, moderator: Client
) -> None:
    session, admin = flagged(project), Client()
    admin.force_login(make_member(project, Role.ADMIN))
    page = f"/p/{project.slug}/triage/{session.pk}/"
    assert "/admin/annotations/queue/add/" in admin.get(page).content.decode()
    assert "/admin/" not in moderator.get(page).content.decode()


def test_dismissing_needs_a_reason(project: Project, moderator: Client) -> None:
    session = flagged(project)
    url = f"/p/{project.slug}/triage/{session.pk}/dismissal/"
    assert moderator.post(url, {"reason": " "}, headers=HTMX).status_code == 422
    assert "The board is clear" in moderator.post(url, {"reason": "right answer"}, headers=HTMX).content.decode()


def test_a_queue_of_another_project_is_no_choice(project: Project, moderator: Client) -> None:
    session, foreign = flagged(project), make_queue(make_project())
    url = f"/p/{project.slug}/triage/{session.pk}/route/"
    assert moderator.post(url, {"queue": foreign.slug}).status_code == 422


def test_the_session_page_tells_the_whole_story(project: Project, moderator: Client) -> None:
    session = flagged(project)
    task = make_task(make_queue(project), session.interaction_set.get())
    make_label(task, make_member(project, name="Ines"))
    page = moderator.get(f"/p/{project.slug}/sessions/{session.pk}/").content.decode()
    for words in ["The lantern costs 45 euros.", "thumb down", "Flagged", "Ines judged", "The lantern costs 39 euros."]:
        assert words in page


def test_the_board_takes_as_many_queries_for_ten_sessions_as_for_two(project: Project, moderator: Client) -> None:
    def queries(more: int) -> int:
        for _ in range(more):
            flagged(project)
        with CaptureQueriesContext(connection) as caught:
            moderator.get(f"/p/{project.slug}/triage/")
        return len(caught)

    assert queries(2) == queries(8)


def test_the_session_page_takes_as_many_queries_for_ten_answers_as_for_one(project: Project, moderator: Client) -> None:
    session = flagged(project)
    queue = make_queue(project)

    def queries(more: int) -> int:
        for _ in range(more):
            interaction = make_interaction(project, session=session)
            make_label(make_task(queue, interaction), make_member(project))
        with CaptureQueriesContext(connection) as caught:
            moderator.get(f"/p/{project.slug}/sessions/{session.pk}/")
        return len(caught)

    assert queries(2) == queries(8)


def test_a_rule_is_previewed_saved_and_refused_on_its_page(project: Project, moderator: Client) -> None:
    rule = next(rule for rule in rules_of(project) if rule.kind == "low_confidence")
    make_interaction(project, confidence=0.5, prompt="<b>Unsure</b>?")
    address = f"/p/{project.slug}/triage/rules/{rule.pk}/"
    form = {"active": "on", "severity": "3", "share": "100", "threshold": "0.6", "after": "1"}
    seen = moderator.post(address, {**form, "preview": "1"}, headers={"HX-Request": "true"}).content.decode()
    assert "It would have flagged 1 answer" in seen
    assert "&lt;b&gt;Unsure" in seen
    refused = moderator.post(address, {**form, "threshold": "7"})
    assert refused.status_code == 422
    assert 'value="7"' in refused.content.decode()
    assert moderator.post(address, form).status_code == 302
    assert moderator.post(address, form).status_code == 409


def test_a_list_of_words_is_added_and_rules_are_listed_by_one_number_of_questions(
    project: Project, moderator: Client, django_assert_max_num_queries: Any
) -> None:
    address = f"/p/{project.slug}/triage/rules/"
    assert moderator.post(address, {"name": ""}).status_code == 422
    made = moderator.post(address, {"name": "safety"})
    assert made.status_code == 302
    assert "Words, one a line" in moderator.get(made["Location"]).content.decode()
    with django_assert_max_num_queries(16):
        assert "safety" in moderator.get(address).content.decode()
