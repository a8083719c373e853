"""Each invariant of what was injected finds the breach that is planted for it, and only that one does."""

import pytest

from annotations.guidance.invariants import INVARIANTS
from tests.planting import Planting, again, sql, update

pytestmark = pytest.mark.django_db
plant = Planting(INVARIANTS)
LONG_AGO = "2026-01-01T00:00:00Z"


@plant("the question of an approval has a vector, by which it is found")
def _(world):
    update(world.approval, at=LONG_AGO)
    sql("UPDATE annotations_embedding SET vector = NULL WHERE id = %s", world.embedding().pk)


@plant("only corrections were injected")
def _(world):
    sql("DELETE FROM annotations_injection WHERE id = %s", world.injection.pk)
    sql(
        "INSERT INTO annotations_injection (project_id, approval_id, prompt_sha256, similarity, at)"
        " VALUES (%s, %s, repeat('0', 64), 0.9, statement_timestamp())",
        world.project.pk, world.good.pk,
    )  # fmt: skip


@plant("nothing was injected before it was approved")
def _(world):
    update(world.injection, at=LONG_AGO)


@plant("nothing was injected after a newer approval replaced it")
def _(world):
    again(world.approval, label_id=world.waiting.pk)
    sql("UPDATE annotations_injection SET at = at + interval '1 hour'")


@plant("what was injected is as near as the same problem must be")
def _(world):
    update(world.injection, similarity=0.6)


@plant("of an asking prompt only the hash is kept")
def _(world):
    update(world.injection, prompt_sha256="How much is the lantern?")


@plant("nobody approved guidance of their own")
def _(world):
    update(world.guidance.approval, by_id=world.guidance.author_id)


@plant("guidance was handed out only while it was approved")
def _(world):
    update(world.guidance.injections.get(), at=LONG_AGO)


@plant("guidance was handed out as far as it reaches")
def _(world):
    update(world.guidance.injections.get(), similarity=0.6)


@plant("of a prompt that guidance was told only the hash is kept")
def _(world):
    update(world.guidance.injections.get(), prompt_sha256="How much is the lantern?")


@pytest.mark.bar("doctor")
@pytest.mark.parametrize("name", plant.names)
def test_a_planted_breach_is_found_by_its_invariant_alone(world, name):
    plant.shows(name, world)


def test_a_vector_of_an_encoder_that_is_used_no_more_is_none(world):
    """Nothing is compared with it: the approval is found as little as one without a vector."""
    update(world.approval, at=LONG_AGO)
    update(world.embedding().encoder_set, name="an earlier one")
    assert list(plant.found()) == ["the question of an approval has a vector, by which it is found"]


def test_a_question_that_was_approved_just_now_may_still_wait_for_its_vector(world):
    sql("UPDATE annotations_embedding SET vector = NULL WHERE id = %s", world.embedding().pk)
    assert plant.found() == {}
