"""Each invariant of triage finds the breach that is planted for it, and only that one does."""

import pytest

from annotations.capture.models import Watermark
from annotations.triage.invariants import INVARIANTS
from annotations.triage.models import Decision, Flag
from tests.planting import Planting, again, sql, update

pytestmark = pytest.mark.django_db
plant = Planting(INVARIANTS)


def flag_of(world, number) -> Flag:
    return Flag.objects.get(interaction=world.interactions[number])


@plant("a flag is raised on the session of its interaction")
def _(world):
    flag = flag_of(world, 4)
    sql("DELETE FROM annotations_decision_flags WHERE flag_id = %s", flag.pk)
    sql("DELETE FROM annotations_decision WHERE id = %s", world.dismissed.pk)
    update(flag, session_id=world.interactions[0].session_id)
    update(world.routed, kind="dismiss", queue_id=None)


@plant("a rule raises one flag on an interaction")
def _(world):
    again(flag_of(world, 0))


@plant("praise makes an exemplar and every other rule a defect")
def _(world):
    update(flag_of(world, 4), kind="defect")


@plant("a flag says in words why it was raised, and how bad it is")
def _(world):
    update(flag_of(world, 0), severity=9)


@plant("a decision is on at least one flag")
def _(world):
    for of in ("flags", "tasks"):
        sql(f"DELETE FROM annotations_decision_{of} WHERE decision_id = %s", world.routed.pk)


@plant("a decision is on flags of its own session")
def _(world):
    update(world.dismissed, session_id=world.interactions[0].session_id)


@plant("a flag is decided on once")
def _(world):
    again(world.dismissed)
    twin = Decision.objects.latest("pk")
    sql("INSERT INTO annotations_decision_flags (decision_id, flag_id) VALUES (%s, %s)", twin.pk, flag_of(world, 4).pk)


@plant("what was dismissed has a reason and went to no queue")
def _(world):
    update(world.dismissed, reason="")


@plant("what was routed is a task of that queue")
def _(world):
    sql("DELETE FROM annotations_decision_tasks WHERE reviewtask_id = %s", world.held.task_id)
    update(world.held.task, interaction_id=world.interactions[4].pk)


@plant("a decision holds tasks of its queue, for the answers that it is on")
def _(world):
    sql(
        "UPDATE annotations_decision_tasks SET reviewtask_id = %s WHERE decision_id = %s",
        world.held.task_id, world.routed.pk,
    )  # fmt: skip


@plant("flag_captured has read no further than the last interaction")
def _(world):
    Watermark.objects.filter(follow_up="flag_captured").update(position=2**40)


@plant("flag_reactions has read no further than the last feedback")
def _(world):
    Watermark.objects.filter(follow_up="flag_reactions").update(position=2**40)


@pytest.mark.bar("doctor")
@pytest.mark.parametrize("name", plant.names)
def test_a_planted_breach_is_found_by_its_invariant_alone(world, name):
    plant.shows(name, world)
