"""Each invariant of tests finds the breach that is planted for it, and only that one does."""

import json

import numpy as np
import pytest
from pgvector import HalfVector

from annotations.recall.models import Embedding
from tests.factories import make_approval, make_vector
from tests.planting import Planting, again, update
from tests.training.makers import make_case
from tests.worlds import DIMENSIONS
from training.datasets.canonical import prompt_sha256
from training.evaluation.actions.suites import grow
from training.evaluation.invariants import INVARIANTS
from training.evaluation.models import CaseResult, Suite

pytestmark = pytest.mark.django_db
plant = Planting(INVARIANTS)
HOUR_AGO = "2026-01-01T00:00:00Z"


@plant("no held-out question was taught while it was asked")
def _(world):
    row = world.row("rehearsal")
    update(world.held_out, messages=json.dumps(row.messages), prompt_sha256=row.prompt_sha256)


def ask_nearly_what_is_taught(world, **over):
    """The held-out question becomes nearly that of the first row, whose vector it gets."""
    messages = [{"role": "user", "content": "How much is the lantern??"}]
    update(world.held_out, messages=json.dumps(messages), prompt_sha256=prompt_sha256(messages), **over)
    vector = str(HalfVector(np.eye(1, DIMENSIONS)[0]).to_list())
    update(Embedding.objects.get(kind="case", object_id=world.held_out.pk), vector=vector)


@plant("nothing nearly like a held-out question was taught after it was asked")
def _(world):
    ask_nearly_what_is_taught(world, created_at=HOUR_AGO)


@plant("the suites of one kind ask a question with one right answer")
def _(world):
    another = Suite.objects.create(project=world.project, slug="another", kind="heldout")
    make_case(another, "is the tarp GREEN?", "No, it is grey.")


@plant("everything approved with an answer has a case, so that nothing fixed is forgotten unseen")
def _(world):
    update(make_approval(world.project, prompt="Is it waterproof?"), at=HOUR_AGO)


@plant("a regression case comes from an approval")
def _(world):
    update(world.case(world.approval), approval_id=None)


@plant("a case asks for the answer that was approved, on the interaction that it names")
def _(world):
    update(world.case(world.approval), gold="The lantern costs 99 euros.")


@plant("a correction is tested on the side of its split")
def _(world):
    update(world.group, split="test")


@plant("a case is filed under the hash of its question")
def _(world):
    update(world.held_out, prompt_sha256="0" * 64)


@plant("a case that left its suite says why")
def _(world):
    update(world.held_out, retired_reason="too hard")


@plant("every vector is of a prompt, an instruction or a case that is there")
def _(world):
    update(Embedding.objects.get(kind="case", object_id=world.held_out.pk), object_id=0)


@plant("an evaluation has an end exactly when it ended")
def _(world):
    update(world.evaluation, finished_at=None)


@plant("an evaluation that failed says why, and no other does")
def _(world):
    update(world.evaluation, failure="Who knows?")


@plant("an evaluation under way is looked after by a supervisor")
def _(world):
    update(world.evaluating, heartbeat_at=None)


@plant("an evaluation is started at most 3 times, and taken over at most 10 times")
def _(world):
    update(world.evaluation, fence=99)


@plant("an evaluation has results exactly when it succeeded")
def _(world):
    CaseResult.objects.filter(evaluation=world.evaluation).delete()


@plant("a version has one evaluation under way")
def _(world):
    again(world.evaluating)


@pytest.mark.bar("doctor")
@pytest.mark.parametrize("name", plant.names)
def test_a_planted_breach_is_found_by_its_invariant_alone(world, name):
    plant.shows(name, world)


def test_a_question_taught_before_or_after_it_was_asked_is_no_breach(world):
    row, case = world.row("correction"), world.held_out
    update(case, messages=json.dumps(row.messages), prompt_sha256=row.prompt_sha256)
    assert plant.found()
    update(case, retired_at="2026-01-01T00:00:00Z", retired_reason="taught from now on")
    assert plant.found() == {}


def test_a_snapshot_that_was_under_way_when_its_like_was_asked_is_no_breach(world):
    ask_nearly_what_is_taught(world)
    assert plant.found() == {}


def test_a_case_that_is_not_asked_any_more_may_be_taught_nearly(world):
    ask_nearly_what_is_taught(world, created_at=HOUR_AGO, retired_at=HOUR_AGO, retired_reason="taught from now on")
    assert plant.found() == {}


def test_two_suites_may_ask_the_same_with_one_answer_or_be_of_two_kinds(world):
    another = Suite.objects.create(project=world.project, slug="another", kind="heldout")
    make_case(another, "Is the tarp green?", " Yes, it is green.\n")
    make_case(another, world.case(world.left_out).question, "It came yesterday.")
    assert plant.found() == {}


def approved(world, **over):
    """One more approval of the first question."""
    approval = make_approval(world.project, **over)
    make_vector(approval.interaction, np.eye(1, DIMENSIONS)[0])
    return approval


def test_an_approval_whose_question_has_a_case_needs_none_of_its_own(world):
    again_approved = approved(world)  # the same question and answer as the first
    update(again_approved, at=HOUR_AGO)
    grow(world.project)
    assert plant.found() == {}


def test_an_older_approval_does_not_retire_the_case_of_a_newer_one(world):
    older = approved(world)
    grow(world.project)  # the same answer as the first: it gets no case of its own
    newer = approved(world, rewrite="The lantern costs 37 euros.")
    for _ in range(2):
        grow(world.project)
        asked = [
            case.approval_id
            for case in world.case(newer).suite.cases.asked()
            if case.question == "How much is the lantern?"
        ]
        assert asked == [newer.pk]
    update(older, at=HOUR_AGO)
    assert plant.found() == {}
