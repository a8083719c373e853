"""The trail of a session stays short, however long its client keeps on sending the same name."""

from datetime import timedelta

import pytest
from django.utils import timezone

from annotations.capture.models import Feedback, Interaction
from annotations.triage import board
from annotations.triage.actions.flags import raise_flags, rules_of
from annotations.triage.models import Flag
from tests.factories import make_feedback, make_interaction, make_project, make_session

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return make_project()


@pytest.fixture
def chat(project, monkeypatch):
    """A session of nine answers, a minute apart, each with feedback; the trail shows the last four."""
    monkeypatch.setattr(board, "LAST", 4)
    session, now = make_session(project, external_id="chat"), timezone.now()
    for n in range(9):
        at = now - timedelta(minutes=9 - n)
        interaction = make_interaction(project, session=session, prompt=f"question {n}", occurred_at=at)
        make_feedback(interaction, occurred_at=at + timedelta(seconds=5))
    return session


def prompts(trail):
    return [event.row.prompt for event in trail.events if event.kind == "interaction"]


def test_the_last_answers_are_shown_and_how_many_came_before(chat):
    trail = board.trail(chat)
    assert prompts(trail) == [f"question {n}" for n in (5, 6, 7, 8)]
    assert trail.earlier == 5
    assert [event.row.interaction.prompt for event in trail.events if isinstance(event.row, Feedback)] == prompts(trail)


def test_a_flagged_answer_is_shown_however_long_ago_it_was(project, chat):
    old = Interaction.objects.get(prompt="question 1")
    raise_flags(project, [(rules_of(project)[0], old, "thumb down")])
    trail = board.trail(chat, Flag.objects.open())
    assert prompts(trail) == ["question 1", *(f"question {n}" for n in (5, 6, 7, 8))]
    assert trail.earlier == 4
    assert [event.row.evidence for event in trail.events if event.kind == "flag"] == ["thumb down"]


def test_a_short_session_is_shown_whole(project):
    session = make_interaction(project).session
    assert board.trail(session).earlier == 0
