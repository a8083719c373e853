"""Each invariant of what models are taught finds the breach that is planted for it, and only that one does."""

import pytest

from annotations.capture.models import Interaction
from tests.factories import make_approval
from tests.planting import Planting, again, update
from training.datasets.canonical import label_sha256
from training.datasets.invariants import INVARIANTS
from training.datasets.models import GroupMember, LeftOut

pytestmark = pytest.mark.django_db
plant = Planting(INVARIANTS)


@plant("a row's hashes are those of its content")
def _(world):
    update(world.row("correction"), row_sha256="0" * 64)


@plant("a snapshot's hash is that of its rows")
def _(world):
    update(world.snapshot, content_sha256="0" * 64)


@plant("a label is as it was when it became a row")
def _(world):
    update(world.approval.label, root_cause="product")


@plant("a row asks what its interaction asked")
def _(world):
    update(world.approval.interaction, system_context="Be short.")


@plant("a snapshot's rows are numbered from one without a gap")
def _(world):
    update(world.row("rehearsal"), position=9)


@plant("a row comes from an approval, or is marked as rehearsed")
def _(world):
    update(world.row("rehearsal"), source="somebody")


@plant("a row is about the answer that was approved")
def _(world):
    again(world.approval.interaction, external_id="twin")
    update(world.row("correction"), interaction_id=Interaction.objects.get(external_id="twin").pk)


@plant("a row teaches what its label holds for right")
def _(world):
    label = world.approval.label
    update(label, rewrite="The lantern costs 99 euros.")
    label.refresh_from_db()
    update(world.row("correction"), label_sha256=label_sha256(label))


@plant("a snapshot asks each question once")
def _(world):
    again(world.row("rehearsal"), position=4)
    world.seal()


@plant("what is kept out to test with is in no row")
def _(world):
    update(world.group, split="test")


@plant("no cluster of nearly the same question fills more of a snapshot than one source may")
def _(world):
    group = world.group
    for n in range(3):
        row = world.teach(make_approval(world.project, prompt=f"How much is the lantern{'!' * n}"))
        GroupMember.objects.create(project=world.project, group=group, prompt_sha256=row.prompt_sha256)


@plant("what was left out of a snapshot is not among its rows")
def _(world):
    LeftOut.objects.create(snapshot=world.snapshot, approval=world.approval, reason="duplicate")


@plant("a question is in one group, which has one split")
def _(world):
    again(GroupMember.objects.filter(project=world.project).first())


@plant("a group is named by its first question, which gave it its split")
def _(world):
    update(world.group, key_sha256="f" * 64)


@pytest.mark.bar("S13")
@pytest.mark.parametrize("name", plant.names)
def test_a_planted_breach_is_found_by_its_invariant_alone(world, name):
    plant.shows(name, world)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("correction", {"completion": "The lantern costs 99 euros."}),
        ("good", {"kind": "correction"}),
        ("correction", {"prompt_sha256": "0" * 64}),
        ("correction", {"messages": "[]"}),
        ("rehearsal", {"kind": "good"}),
        ("correction", {"approval_id": None}),
        ("correction", {"position": 0}),
    ],
)
def test_a_row_changed_in_any_column_is_found(world, kind, changes):
    update(world.row(kind), **changes)
    assert plant.found()
