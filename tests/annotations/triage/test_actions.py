from datetime import timedelta

import pytest
from django.utils import timezone

from annotations.capture.actions.ingest import ingest_feedback, ingest_interactions
from annotations.capture.models import Feedback
from annotations.review.models import ReviewTask
from annotations.triage.actions.decisions import dismiss, route, undo
from annotations.triage.actions.flags import raise_flags, rules_of
from annotations.triage.board import on_board, trail
from annotations.triage.models import Flag
from annotations.triage.tasks import flag_captured, flag_reactions
from labelhub.errors import Invalid, NotAllowed, NotFound, StaleState
from labelhub.projects.rights import Role
from tests.factories import (
    make_claim,
    make_feedback,
    make_interaction,
    make_member,
    make_project,
    make_queue,
    make_session,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return make_project()


@pytest.fixture
def moderator(project):
    return make_member(project, Role.MODERATOR)


def flagged(project, **over):
    interaction = make_interaction(project, **over)
    make_feedback(interaction)
    flag_reactions(project.pk)
    return interaction


def test_a_thumb_down_raises_one_flag_however_often_the_rules_look(project):
    interaction = make_interaction(project)
    make_feedback(interaction, text="that is the old price")
    make_feedback(make_interaction(project), value=1)
    flag_reactions(project.pk)
    flag_reactions(project.pk)
    flag = Flag.objects.get()
    assert (flag.interaction, flag.kind) == (interaction, Flag.Kind.DEFECT)
    assert flag.evidence == "thumb down: “that is the old price”"


@pytest.mark.parametrize(
    ("kind", "value", "flags"),
    [("rating", 2, ["defect"]), ("rating", 3, []), ("copy", None, ["exemplar"]), ("abandon", None, ["defect"]),
     ("regenerate", None, ["defect"]), ("dwell", 4, [])],
)  # fmt: skip
def test_each_sign_raises_the_flag_that_its_rule_names(project, kind, value, flags):
    make_feedback(make_interaction(project), kind, value=value)
    flag_reactions(project.pk)
    assert list(Flag.objects.values_list("kind", flat=True)) == flags


def test_an_unsure_model_is_flagged_from_capture_alone(project):
    make_interaction(project, confidence=0.2)
    make_interaction(project, confidence=0.9)
    flag_captured(project.pk)
    assert Flag.objects.get().evidence == "low confidence 0.20"


def test_the_board_shows_the_worst_session_first(project):
    mild, bad = make_session(project), make_session(project)
    make_feedback(make_interaction(project, session=mild), "abandon")
    make_feedback(make_interaction(project, session=bad))
    flag_reactions(project.pk)
    assert list(on_board(project)) == [bad, mild]


def test_routing_makes_a_task_per_flagged_interaction_and_closes_the_flags(project, moderator):
    session, queue = make_session(project), make_queue(project)
    interactions = [make_interaction(project, session=session) for _ in range(3)]
    for interaction in interactions[:2]:
        make_feedback(interaction)
    flag_reactions(project.pk)
    route(session, queue=queue, by=moderator)
    assert list(ReviewTask.objects.order_by("interaction").values_list("interaction", flat=True)) == [
        i.pk for i in interactions[:2]
    ]
    assert not on_board(project).exists()
    with pytest.raises(StaleState):
        route(session, queue=queue, by=moderator)


def test_the_expert_reads_what_the_moderator_wants_looked_at_before_the_evidence(project, moderator):
    queue = make_queue(project)
    route(flagged(project).session, queue=queue, by=moderator, reason=" Which price? ")
    route(flagged(project).session, queue=queue, by=moderator)
    reasons = list(ReviewTask.objects.order_by("pk").values_list("reason", flat=True))
    assert reasons == ["Which price?\nthumb down", "thumb down"]


@pytest.mark.parametrize("note", [0, 12, 200])
def test_however_long_the_note_the_expert_reads_all_of_it_and_then_evidence(project, moderator, note):
    interaction, evidence = make_interaction(project), "thumb down: “" + "y" * 286 + "”"
    raise_flags(project, [(rules_of(project)[0], interaction, evidence)])
    route(interaction.session, queue=make_queue(project), by=moderator, reason="x" * note)
    reason = ReviewTask.objects.get().reason
    assert len(reason) == 300
    assert reason.startswith("x" * note + "\nthumb down: “yyyyyyyyyy" if note else "thumb down: “yyyyyyyyyy")
    assert reason.endswith("y…" if note else "y”")


def test_a_reason_that_is_too_long_is_refused_and_a_note_to_experts_leaves_room_for_the_evidence(project, moderator):
    session, queue = flagged(project).session, make_queue(project)
    with pytest.raises(Invalid, match="at most 200 characters"):
        route(session, queue=queue, by=moderator, reason="x" * 201)
    with pytest.raises(Invalid, match="at most 300 characters"):
        dismiss(session, by=moderator, reason="x" * 301)
    assert on_board(project).exists()


def test_dismissing_needs_a_reason_and_deletes_nothing(project, moderator):
    session = flagged(project).session
    with pytest.raises(Invalid):
        dismiss(session, by=moderator, reason=" ")
    dismiss(session, by=moderator, reason="a joke")
    assert not on_board(project).exists()
    assert (Flag.objects.count(), Feedback.objects.count()) == (1, 1)


def test_a_decision_can_be_undone_until_an_expert_has_begun(project, moderator):
    session, queue = flagged(project).session, make_queue(project)
    undo(route(session, queue=queue, by=moderator), by=moderator)
    assert on_board(project).exists()
    assert not ReviewTask.objects.exists()
    decision = route(session, queue=queue, by=moderator)
    make_claim(ReviewTask.objects.get(), make_member(project))
    with pytest.raises(StaleState):
        undo(decision, by=moderator)


def test_experts_and_strangers_decide_nothing(project):
    session, queue = flagged(project).session, make_queue(project)
    with pytest.raises(NotAllowed):
        route(session, queue=queue, by=make_member(project))
    with pytest.raises(NotFound):
        route(session, queue=make_queue(make_project()), by=make_member(project, Role.MODERATOR))


def test_the_trail_tells_everything_in_order(project, moderator):
    session = flagged(project).session
    dismiss(session, by=moderator, reason="fixed by hand")
    events = trail(session).events
    assert {event.kind for event in events} == {"interaction", "feedback", "flag", "decision"}
    assert [event.at for event in events] == sorted(event.at for event in events)


@pytest.mark.bar("3a-17")
def test_feedback_that_was_parked_raises_its_flag_though_newer_feedback_was_read_long_ago(project, run_jobs):
    sign = {"external_id": "early", "interaction": "late", "kind": "thumb", "value": -1}
    ingest_feedback(project, [sign])
    make_feedback(make_interaction(project), "dwell", value=4)
    Feedback.objects.update(received_at=timezone.now() - timedelta(minutes=5))  # settled: the watermark passes it
    run_jobs()
    assert not Flag.objects.exists()
    messages = [{"role": "user", "content": "How much?"}]
    ingest_interactions(project, [{"external_id": "late", "messages": messages, "output": "45 euros"}])
    run_jobs()
    assert Flag.objects.get().interaction.external_id == "late"
