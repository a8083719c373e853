"""Each invariant of recall finds the breach that is planted for it, and only that one does."""

import pytest

from annotations.capture.models import Watermark
from annotations.recall.actions import text_sha256
from annotations.recall.invariants import INVARIANTS
from annotations.recall.models import EncoderSet
from tests.planting import Planting, sql, update

pytestmark = pytest.mark.django_db
plant = Planting(INVARIANTS)


@plant("a prompt's vector is of an interaction of its project")
def _(world):
    update(world.embedding(5), object_id=0)
    Watermark.objects.filter(follow_up="embed_captured").update(position=world.interactions[4].pk)


@plant("a prompt's vector is of the words of the prompt")
def _(world):
    text = "How much is the kettle?"
    update(world.embedding(), text=text, text_sha256=text_sha256(text))


@plant("a vector's text has the hash by which it is found again")
def _(world):
    update(world.embedding(), text_sha256="0" * 64)


@plant("a vector has the dimensions of its encoder")
def _(world):
    update(EncoderSet.objects.get(), dimensions=768)


@plant("a vector has length one, so that a product is a cosine")
def _(world):
    sql(
        "UPDATE annotations_embedding SET vector = (vector::vector + vector::vector)::halfvec WHERE id = %s",
        world.embedding().pk,
    )


@plant("no prompt was passed over without a vector being asked for")
def _(world):
    sql("DELETE FROM annotations_embedding WHERE id = %s", world.embedding().pk)


@plant("embed_captured has read no further than the last interaction")
def _(world):
    Watermark.objects.filter(follow_up="embed_captured").update(position=2**40)
    for number in range(6):  # what was captured since is passed over with it, which is the next invariant's
        world.embedding(number)
    sql(
        "INSERT INTO annotations_embedding (encoder_set_id, project_id, kind, object_id, text, text_sha256)"
        " SELECT (SELECT id FROM annotations_encoderset), i.project_id, 'prompt', i.id, i.prompt,"
        " encode(sha256(convert_to(i.prompt, 'UTF8')), 'hex') FROM annotations_interaction i ON CONFLICT DO NOTHING"
    )


@pytest.mark.bar("doctor")
@pytest.mark.parametrize("name", plant.names)
def test_a_planted_breach_is_found_by_its_invariant_alone(world, name):
    plant.shows(name, world)


def test_a_vector_that_is_only_wanted_so_far_is_no_breach(world):
    sql("UPDATE annotations_embedding SET vector = NULL")
    assert plant.found() == {}
