"""Each invariant of what models are taught finds the breach that is planted for it, and only that one does."""

import numpy as np
import pytest

from annotations.capture.models import Interaction
from labelhub.invariants import look
from labelhub.projects.models import Project
from tests.factories import make_approval, make_vector
from tests.planting import Planting, again, update
from tests.worlds import DIMENSIONS
from training.datasets.canonical import label_sha256, prompt_sha256
from training.datasets.groups import group_prompts
from training.datasets.invariants import INVARIANTS
from training.datasets.models import GroupMember, LeftOut, PromptGroup

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


def asks_nearly_the_same(world, prompt, split):
    """A newer question with the vector of the first one's, in a group of its own."""
    approval = make_approval(world.project, prompt=prompt)
    make_vector(approval.interaction, np.eye(1, DIMENSIONS)[0])
    key = prompt_sha256(approval.interaction.messages)
    group = PromptGroup.objects.create(project=world.project, key_sha256=key, split=split)
    return GroupMember.objects.create(project=world.project, group=group, prompt_sha256=key)


@plant("questions that are nearly the same share a split")
def _(world):
    asks_nearly_the_same(world, "How much is the lantern??", "test")


@pytest.mark.bar("doctor")
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


@pytest.mark.parametrize("side", ["train", "test"])
def test_a_question_between_two_sides_can_share_the_split_of_one_only(world, side):
    asks_nearly_the_same(world, "How much is the lantern now, eh?", "test")
    asks_nearly_the_same(world, "How much is the lantern now?", side)
    assert plant.found() == {}


def test_whoever_is_grouped_by_the_product_shares_the_split_of_a_near_duplicate(world):
    for prompt, test_share in (("How much is the lantern now, eh?", 0.9), ("How much is the lantern now?", 0.0)):
        Project.objects.filter(pk=world.project.pk).update(test_share=test_share)
        make_vector(make_approval(world.project, prompt=prompt).interaction, np.eye(1, DIMENSIONS)[0])
        group_prompts(Project.objects.get(pk=world.project.pk))
    assert set(PromptGroup.objects.values_list("split", flat=True)) == {"test", "train"}
    assert plant.found() == {}


def test_the_cap_of_many_snapshots_is_looked_at_in_two_queries(world, django_assert_num_queries):
    for number in range(7, 10):
        again(world.snapshot, number=number)
    with django_assert_num_queries(2):
        found = look(
            plant.invariants["no cluster of nearly the same question fills more of a snapshot than one source may"]
        )
    assert (found.checked, found.breaches) == (5, 0)
