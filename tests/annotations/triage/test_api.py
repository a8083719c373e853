"""Decisions over HTTP: what is not text, too long or unknown is refused with its field."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotations.review.models import ReviewTask
from annotations.triage.actions.flags import raise_flags, rules_of
from annotations.triage.models import Decision
from labelhub.projects.rights import Role
from tests.factories import make_interaction, make_member, make_project, make_queue, make_session

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return make_project()


@pytest.fixture
def session(project):
    interaction = make_interaction(project)
    raise_flags(project, [(rules_of(project)[0], interaction, "thumb down")])
    return interaction.session


@pytest.fixture
def decide(project, session):
    client = Client()
    client.force_login(make_member(project, Role.MODERATOR))

    def post(**body):
        path = f"/api/v1/decisions/?project={project.slug}"
        return client.post(path, {"session": session.pk, **body}, content_type="application/json")

    return post


def test_a_session_is_routed_with_what_the_moderator_says(project, decide):
    queue = make_queue(project)
    assert decide(kind="route", queue=queue.slug, reason="Which price?").status_code == 201
    assert ReviewTask.objects.get().queue == queue


def test_a_note_to_experts_that_leaves_no_room_for_the_evidence_is_refused(project, decide):
    body = {"kind": "route", "queue": make_queue(project).slug}
    answer = decide(**body, reason="x" * 201)
    assert (answer.status_code, answer.json()["field"]) == (422, "reason")
    assert "at most 200 characters" in answer.json()["detail"]
    assert decide(**body, reason="x" * 200).status_code == 201


def test_a_reason_that_is_null_is_no_reason(decide):
    assert decide(kind="dismiss", reason=None).status_code == 422
    assert not Decision.objects.exists()


@pytest.mark.parametrize("reason", ["x" * 301, 7, ["x"], {"a": "b"}])
def test_a_reason_that_is_no_short_text_is_refused(project, decide, reason):
    queue = make_queue(project)
    for body in ({"kind": "dismiss"}, {"kind": "route", "queue": queue.slug}):
        answer = decide(**body, reason=reason)
        assert (answer.status_code, answer.json()["field"]) == (422, "reason")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "dissmiss"}, "kind"),
        ({"kind": ["route"]}, "kind"),
        ({"kind": "route"}, "queue"),
        ({"kind": "route", "queue": "nowhere"}, "queue"),
        ({"kind": "route", "queue": ["a"]}, "queue"),
        ({"kind": "dismiss", "reason": "x", "session": True}, "session"),
        ({"kind": "dismiss", "reason": "x", "session": "1"}, "session"),
    ],
)
def test_what_cannot_be_carried_out_names_its_field(decide, body, field):
    answer = decide(**body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_a_session_of_another_project_is_unknown(decide):
    assert decide(kind="dismiss", reason="x", session=make_session(make_project()).pk).status_code == 404


def test_routing_takes_as_many_queries_for_ten_answers_as_for_two(project):
    client, queue = Client(), make_queue(project)
    client.force_login(make_member(project, Role.MODERATOR))

    def queries(answers):
        talk = make_session(project)
        for _ in range(answers):
            raise_flags(project, [(rules_of(project)[0], make_interaction(project, session=talk), "flagged")])
        body = {"session": talk.pk, "kind": "route", "queue": queue.slug}
        with CaptureQueriesContext(connection) as caught:
            client.post(f"/api/v1/decisions/?project={project.slug}", body, content_type="application/json")
        return len(caught)

    assert queries(2) == queries(10)
    assert ReviewTask.objects.count() == 12


def test_each_kind_of_decision_is_that_decision(project, decide, session):
    assert decide(kind="escalate", reason="Is it a recall?").json()["kind"] == "escalate"
    answer = decide(kind="product_issue", title="Parcels are late")
    assert (answer.status_code, answer.json()["kind"]) == (201, "product_issue")
    assert Decision.objects.get(kind="product_issue").issue.title == "Parcels are late"
    assert decide(kind="dismiss", reason="fine").status_code == 409


@pytest.mark.parametrize(("kind", "field"), [("product_issue", "title"), ("escalate", "reason")])
def test_what_a_decision_needs_is_named(decide, kind, field):
    answer = decide(kind=kind)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
