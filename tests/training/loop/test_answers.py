"""What versions answer now stands below what happened in a session."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotations.review.actions.approvals import approve
from labelhub.projects.rights import Role
from tests.factories import make_interaction, make_label, make_member, make_project, make_queue, make_task
from tests.training.makers import make_case, make_evaluation, make_suite, make_version
from training.evaluation.models import CaseResult
from training.loop.answers import answers_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hashed_static")]


@pytest.fixture
def project():
    return make_project(slug="fern")


@pytest.fixture
def moderator(project):
    return make_member(project, Role.MODERATOR)


@pytest.fixture
def client(moderator):
    client = Client()
    client.force_login(moderator)
    return client


def said(version, case, output):
    return CaseResult.objects.create(
        evaluation=make_evaluation(version, held_out=(0, 0, 0), siblings=(0, 0, 0)), case=case, slice="corrected", seen=True, before_output="before",
        after_output=output, before_exact=False, after_exact=output == case.gold,
    )  # fmt: skip


def corrected(project, **fields):
    """An answer of a session with its case."""
    interaction = make_interaction(project, **fields)
    return interaction, make_case(
        make_suite(project, "regression"), interaction.prompt, "45 euros.", interaction=interaction
    )


def test_of_each_question_the_answer_of_the_newest_version_stands(project):
    interaction, case = corrected(project)
    old, new = make_version(project), make_version(project)
    said(new, case, "44 euros.")
    last = said(new, case, "45 euros.")
    said(old, case, "43 euros.")
    assert list(answers_of(interaction.session)) == [last]


def test_what_other_sessions_led_to_does_not(project):
    _, case = corrected(project)
    said(make_version(project), case, "45 euros.")
    assert not answers_of(make_interaction(project).session)


def test_it_is_asked_for_where_something_was_approved(project, moderator, client):
    interaction, case = corrected(project)
    label = make_label(make_task(make_queue(project), interaction), make_member(project))
    address = f"/p/fern/sessions/{interaction.session_id}/"
    assert "answers/" not in client.get(address).content.decode()
    approve(label, by=moderator)
    assert f'hx-get="{address}answers/"' in client.get(address).content.decode()
    assert "No version was asked again yet" in client.get(f"{address}answers/").content.decode()
    said(make_version(project), case, "<b>44</b>")
    part = client.get(f"{address}answers/", headers={"HX-Request": "true"}).content.decode()
    assert part.startswith("<section")
    assert "&lt;b&gt;44" in part
    assert "not as approved" in part


def test_it_is_read_by_one_number_of_queries(project, client):
    counted = set()
    interaction, case = corrected(project)
    for n in range(3):
        said(make_version(project), case, "45 euros.")
        case = make_case(case.suite, f"Question {n}?", "45 euros.", interaction=interaction)
        with CaptureQueriesContext(connection) as queries:
            client.get(f"/p/fern/sessions/{interaction.session_id}/answers/")
        counted.add(len(queries))
    assert len(counted) == 1


def test_a_stranger_finds_nothing(project):
    interaction, _ = corrected(project)
    stranger = Client()
    stranger.force_login(make_member(make_project(), Role.ADMIN))
    assert stranger.get(f"/p/fern/sessions/{interaction.session_id}/answers/").status_code == 404
