"""Each invariant of capture finds the breach that is planted for it, and only that one does."""

import pytest

from annotations.capture.invariants import INVARIANTS, reads_no_further
from annotations.capture.models import Feedback, ImportJob, Interaction, Score, Watermark
from labelhub.invariants import look
from tests.planting import Planting, again, sql, update

pytestmark = pytest.mark.django_db
plant = Planting(INVARIANTS)
HOUR_AGO = "now() - interval '1 hour'"


@plant("an interaction's lines end with a line feed")
def _(world):
    update(world.interactions[0], output="The lantern\r\ncosts 45 euros.")


@plant("the words of a sign end their lines with a line feed")
def _(world):
    update(Feedback.objects.get(external_id="sign-0"), text="no\r\n")


@plant("an interaction marked as escaped shows its escape")
def _(world):
    update(world.interactions[5], prompt="What?")


@plant("a session has an id of the client's that is its own in the project")
def _(world):
    again(world.interactions[0].session)


@plant("an interaction has an id of the client's that is its own in the project")
def _(world):
    again(world.interactions[0])


@plant("a sign has an id of the client's that is its own in the project")
def _(world):
    again(Feedback.objects.get(external_id="sign-0"))


@plant("an interaction keeps the hash of its body, which tells a replay from a conflict")
def _(world):
    update(world.interactions[0], body_sha256="")


@plant("a sign keeps the hash of its body, which tells a replay from a conflict")
def _(world):
    update(Feedback.objects.get(external_id="sign-0"), body_sha256="0" * 63)


@plant("a score is what its metric asks for: a number, or a class")
def _(world):
    update(Score.objects.get(label="kind"), value=0.5)


@plant("the judge model gives numbers from 0 to 1")
def _(world):
    update(Score.objects.get(model="judge-1"), value=1.5)


@plant("feedback is parked only while what it is about is missing")
def _(world):
    sql(f"UPDATE annotations_feedback SET received_at = {HOUR_AGO} WHERE id = %s", world.parked.pk)
    sql(f"UPDATE annotations_interaction SET received_at = {HOUR_AGO} WHERE id = %s", world.interactions[0].pk)
    update(world.parked, about_interaction="call-0")


@plant("feedback is linked to the interaction that it names")
def _(world):
    update(Feedback.objects.get(external_id="sign-0"), about_interaction="call-1")


@plant("feedback lies in the session of its interaction")
def _(world):
    update(Feedback.objects.get(external_id="sign-0"), session_id=world.interactions[1].session_id)


@plant("a sign has a value, or words, that fit its kind")
def _(world):
    update(Feedback.objects.get(external_id="sign-0"), value=0.5)


@plant("an interaction's confidence is a share and its duration no less than zero")
def _(world):
    update(world.interactions[0], confidence=90.0)


@plant("a raw payload is of an interaction of its project")
def _(world):
    sql("UPDATE annotations_rawpayload SET interaction_id = 0")


@plant("this month and the next have a partition of their own for what a project captures")
def _(world):
    month = sql("SELECT to_char(now() AT TIME ZONE 'UTC' + interval '1 month', 'YYYYMM')")[0][0]
    sql(f"DROP TABLE annotations_rawpayload_{month}")


@plant("a raw payload lies in the partition of its month")
def _(world):
    sql("UPDATE annotations_rawpayload SET received_at = '2099-01-31T23:59:59Z'")


@plant("an import that ended says when and how")
def _(world):
    update(ImportJob.objects.get(), lines=3)


@pytest.mark.bar("doctor")
@pytest.mark.bar("3a-17", "3a-28")
@pytest.mark.parametrize("name", plant.names)
def test_a_planted_breach_is_found_by_its_invariant_alone(world, name):
    plant.shows(name, world)


def breached(name):
    return name in plant.found()


@pytest.mark.parametrize("column", ["turns", "documents", "metadata"])
def test_a_carriage_return_is_found_wherever_it_stands_in_a_json_value(world, column):
    name = "an interaction's lines end with a line feed"
    row = world.interactions[0]
    for fine in ([{"a": r"C:\root, and \\r"}], [{r"\r": "b\n"}]):
        Interaction.objects.filter(pk=row.pk).update(**{column: fine})
        assert not breached(name)
    for broken in ([{"a": ["b", "c\r"]}], [{"a\r": 1}], ["\\\r"]):
        Interaction.objects.filter(pk=row.pk).update(**{column: broken})
        assert breached(name)


@pytest.mark.parametrize("state", ["running", "failed", "done"])
def test_an_import_in_a_state_that_its_facts_contradict_is_found(world, state):
    update(ImportJob.objects.get(), state=state, finished_at=None)
    assert breached("an import that ended says when and how") == (state != "running")


def test_feedback_on_a_session_is_not_left_parked_either(world):
    update(world.parked, about_interaction="", about_session="talk-0")
    sql(f"UPDATE annotations_feedback SET received_at = {HOUR_AGO} WHERE id = %s", world.parked.pk)
    name = "feedback is parked only while what it is about is missing"
    assert not breached(name)
    sql(f"UPDATE annotations_session SET first_seen_at = {HOUR_AGO}")
    assert breached(name)


def test_a_watermark_stays_right_when_the_newest_rows_are_deleted(world):
    newest = Interaction.objects.latest("pk").pk
    Watermark.objects.filter(follow_up="flag_captured").update(position=newest)
    Interaction.objects.filter(pk=newest).delete()
    assert look(reads_no_further("flag_captured", Interaction)).breaches == 0
