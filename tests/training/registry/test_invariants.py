"""Each invariant of what is live finds the breach that is planted for it, and only that one does."""

import pytest

from tests.planting import Planting, again, update
from training.registry.invariants import INVARIANTS

pytestmark = pytest.mark.django_db
plant = Planting(INVARIANTS)


@plant("the gate passed a version exactly when each of its rules did")
def _(world):
    update(world.report, passed=False)


@plant("the gate judged an evaluation that succeeded")
def _(world):
    update(world.report.evaluation, state="failed")


@plant("what was promoted had passed the gate")
def _(world):
    update(world.staged, gate_report_id=world.report.pk)


@plant("what went into production was compared with what it replaced")
def _(world):
    update(world.evaluation, baseline_id=world.second.pk)


@plant("where two people are needed, what is live was promoted by another than who launched it")
def _(world):
    update(world.staged, by_id=world.launcher.pk)


@plant("a promotion follows the one before it in its slot, so that one version is live")
def _(world):
    again(world.staged)


@plant("a rollback brings back what was live before what it undoes")
def _(world):
    update(world.rollback, version_id=world.version.pk)


@plant("a rollback has a reason")
def _(world):
    update(world.rollback, note="")


@pytest.mark.bar("doctor")
@pytest.mark.bar("R14", "3a-46")
@pytest.mark.parametrize("name", plant.names)
def test_a_planted_breach_is_found_by_its_invariant_alone(world, name):
    plant.shows(name, world)


def test_who_launched_may_promote_where_one_person_is_enough(world):
    update(world.staged, by_id=world.launcher.pk)
    assert plant.found()
    update(world.project, two_person_promotion=False)
    assert plant.found() == {}
