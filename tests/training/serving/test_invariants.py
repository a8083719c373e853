"""The invariant of what answers now finds the breach that is planted for it."""

import shutil

import pytest

from tests.planting import Planting, update
from training.runs import store
from training.serving.invariants import INVARIANTS

pytestmark = pytest.mark.django_db
plant = Planting(INVARIANTS)


@plant("the files of what is live are there to be loaded")
def _(world):
    other = world.another_version()
    update(world.staged, version_id=other.pk)
    shutil.rmtree(store.folder_of(other.adapter_sha256))


@pytest.mark.bar("doctor")
@pytest.mark.bar("3a-48", "R14")
@pytest.mark.parametrize("name", plant.names)
def test_a_planted_breach_is_found_by_its_invariant_alone(world, name):
    plant.shows(name, world)
