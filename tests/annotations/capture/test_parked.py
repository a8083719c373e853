"""Feedback that came first is linked to its session too, in work that parked feedback of others cannot swell."""

import threading

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from annotations.capture.actions import ingest
from annotations.capture.actions.ingest import ingest_feedback, ingest_interactions
from annotations.capture.models import Feedback
from tests.factories import make_project

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return make_project()


def item(n=1, **over):
    messages = [{"role": "user", "content": f"Question {n}?"}]
    return {"external_id": f"i-{n}", "session": "s-1", "messages": messages, "output": f"Answer {n}.", **over}


def sign(n=1, **over):
    return {"external_id": f"f-{n}", "session": "s-1", "kind": "rating", "value": 2, **over}


def test_feedback_about_a_session_is_linked_when_the_session_arrives(project):
    ingest_feedback(project, [sign(1), sign(2, session="s-9"), sign(3, interaction="i-9")])
    ingest_feedback(make_project(), [sign(1)])
    ingest_interactions(project, [item()])
    linked = Feedback.objects.exclude(session=None).get()
    assert (linked.external_id, linked.interaction, linked.session.external_id) == ("f-1", None, "s-1")
    ingest_interactions(project, [item(2, session="")])
    ingest_interactions(project, [item(9)])
    assert Feedback.objects.get(external_id="f-3").interaction.external_id == "i-9"
    assert Feedback.objects.parked().filter(project=project).get().external_id == "f-2"


@pytest.mark.django_db(transaction=True)
def test_feedback_about_a_session_that_commits_while_the_session_is_being_stored_is_linked(project, run_jobs):
    def send_and_follow():
        ingest_feedback(project, [sign()])
        run_jobs()
        connection.close()

    with transaction.atomic():
        ingest_interactions(project, [item()])
        thread = threading.Thread(target=send_and_follow)
        thread.start()
        thread.join()
        assert Feedback.objects.parked().count() == 1
    run_jobs()
    assert Feedback.objects.get().session.external_id == "s-1"


def test_ingest_looks_at_so_many_parked_signs_and_leaves_the_others_to_the_follow_up(project, run_jobs, monkeypatch):
    monkeypatch.setattr("labelhub.llm.client.embed", lambda texts: [[1] + [0] * 383] * len(texts))
    ingest_feedback(
        project, [sign(f"lost-{n}", session="never") for n in range(ingest.PARKED_LOOKED_AT)] + [sign("z-late")]
    )
    ingest_interactions(project, [item()])
    assert Feedback.objects.parked().filter(external_id="f-z-late").exists()
    run_jobs()
    assert Feedback.objects.exclude(session=None).get().external_id == "f-z-late"


def test_linking_costs_ingest_no_statement_of_its_own(project):
    def queries(number, session):
        with CaptureQueriesContext(connection) as seen:
            ingest_interactions(project, [item(number, session=session)])
        return len(seen)

    queries(0, "s-0")  # wakes the followers
    alone = queries(1, "s-1")
    ingest_feedback(project, [sign(2, session="s-2")])
    assert queries(2, "s-2") == alone
    assert Feedback.objects.get().session.external_id == "s-2"
