"""A snapshot of a real project: rows, what was left out, hashes, and who may take one."""

import pytest

from annotations.recall.tasks import embed_captured
from annotations.review.models import Approval
from annotations.triage.models import Flag
from labelhub.errors import Conflict, Invalid, NotAllowed
from labelhub.invariants import breaches_of
from labelhub.projects.rights import Role
from tests.annotations.review.meanwhile import at_once
from tests.factories import (
    FLAWED,
    make_approval,
    make_interaction,
    make_label,
    make_member,
    make_project,
    make_queue,
    make_task,
)
from training.datasets import actions
from training.datasets.actions import Wanted
from training.datasets.canonical import label_sha256, prompt_sha256, row_sha256
from training.datasets.models import DatasetSnapshot, GroupMember, PromptGroup
from training.datasets.rows import content_sha256
from training.evaluation.actions.suites import add_cases
from training.evaluation.models import Case
from training.loop.doctor import SLICES
from training.registry.actions import take_snapshot

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("models")]
WANTED = Wanted(good_rows=3, rehearsal_per_correction=2)


@pytest.fixture
def project():
    project = make_project()
    project.test_share = 0.0
    project.save()
    return project


@pytest.fixture
def admin(project):
    return make_member(project, Role.ADMIN)


def left_out(snapshot: DatasetSnapshot) -> dict[str, int]:
    rows = snapshot.left_out.values_list("reason", flat=True)
    return {reason: list(rows).count(reason) for reason in set(rows)}


def test_rows_carry_hashes_people_and_kinds(project, admin):
    approval = make_approval(project)
    make_approval(project, prompt="Do you ship to Norway?", output="Yes, in 5 days.", rewrite="")
    for item in ("rucksack", "kettle", "tent"):
        make_interaction(project, prompt=f"How much is the {item}?", output=f"The {item} costs 80 euros.")
    embed_captured(project.pk)
    snapshot = take_snapshot(project, by=admin, wanted=WANTED)
    rows = list(snapshot.rows.with_lineage())
    assert [row.kind for row in rows] == ["correction", "good", "rehearsal", "rehearsal"]
    assert rows[0].approval == approval
    assert rows[0].completion == "The lantern costs 39 euros."
    assert rows[0].label_sha256 == label_sha256(approval.label)
    assert all(row.row_sha256 == row_sha256(row.kind, row.messages, row.completion) for row in rows)
    assert {row.source for row in rows[2:]} == {"version:base"}
    assert content_sha256(snapshot) == snapshot.content_sha256


@pytest.mark.parametrize("name", ["corrections", "guidance"])
def test_rehearsal_leaves_out_what_was_flagged_contradicted_or_prompted_with_what_we_inject(project, admin, name):
    make_approval(project)
    same = make_interaction(project, prompt="So how much is the lantern?", output="The lantern costs 45 euros.")
    flagged = make_interaction(project, prompt="How much is the rucksack?", output="The rucksack costs 1 euro.")
    Flag.objects.create(
        project=project, session=flagged.session, interaction=flagged, kind="defect", evidence="thumb down"
    )
    block = f"Be kind.\n<{name}>\nsaid\n</{name}>"
    helped = make_interaction(
        project, prompt="How much is the tent?", output="The tent costs 9 euros.", system_context=block
    )
    fine = make_interaction(project, prompt="How much is the kettle?", output="The kettle costs 30 euros.")
    embed_captured(project.pk)
    snapshot = take_snapshot(project, by=admin, wanted=Wanted(rehearsal_per_correction=9))
    rehearsed = set(snapshot.rows.filter(kind="rehearsal").values_list("interaction", flat=True))
    assert rehearsed == {fine.pk}
    assert rehearsed.isdisjoint({same.pk, flagged.pk, helped.pk})


def test_everything_left_out_has_its_reason(project, admin):
    expert, moderator = make_member(project), make_member(project, Role.MODERATOR)
    people = {"expert": expert, "moderator": moderator}
    make_approval(project, prompt="How much is the tent?", output="9", rewrite="The tent costs 90 euros.", **people)
    old = make_approval(project, **people)
    queue = make_queue(project)
    newer = make_label(make_task(queue, old.interaction), expert, **FLAWED, rewrite="The lantern costs 40 euros.")
    Approval.objects.create(project=project, label=newer, interaction=old.interaction, by=moderator)
    make_label(make_task(queue), expert, **FLAWED, rewrite="Nobody has looked at this.")
    nothing = make_label(make_task(queue, make_interaction(project, prompt="Why so late?")), expert, **FLAWED)
    Approval.objects.create(project=project, label=nothing, interaction=nothing.task.interaction, by=moderator)
    make_approval(project, prompt="Tell me all.", output="no", rewrite="word " * 600, **people)
    for n in range(5):
        make_approval(project, prompt=f"Is item number {n} in stock today?", output="Yes.", rewrite="", **people)
    snapshot = take_snapshot(project, by=admin, wanted=Wanted(good_rows=2, rehearsal_per_correction=0, max_length=256))
    assert left_out(snapshot) == {"superseded": 1, "not_approved": 1, "no_text": 1, "too_long": 1, "not_drawn": 3}
    assert snapshot.rows.count() == 4


def test_a_row_like_a_held_out_case_is_left_out_but_its_paraphrase_is_not(project, admin):
    cases = [
        {"prompt": "How much is the lantern??", "gold": "The lantern costs 39 euros."},
        {"prompt": "Could you tell me the price of the tent?", "gold": "The tent costs 90 euros."},
    ]
    uploaded = add_cases(project, suite="paraphrases", items=cases, by=admin)
    assert len(uploaded.cases) == 2
    make_approval(project)
    make_approval(project, prompt="How much is the tent?", output="9", rewrite="The tent costs 90 euros.")
    snapshot = take_snapshot(project, by=admin, wanted=WANTED)
    assert [row.completion for row in snapshot.rows.all()] == ["The tent costs 90 euros."]
    assert left_out(snapshot) == {"held_out": 1}


def test_a_split_is_settled_once_and_kept_for_near_duplicates(project, admin):
    project.test_share = 0.9
    project.save()
    make_approval(project, prompt="How much is the lantern please?")
    take = [
        make_approval(project, prompt=f"Question about item {n}, please?", rewrite=f"Answer {n}.") for n in range(12)
    ]
    snapshot = take_snapshot(project, by=admin, wanted=WANTED)
    assert left_out(snapshot)["test_split"] > 0
    splits = dict(PromptGroup.objects.values_list("key_sha256", "split"))
    project.test_share = 0.0
    project.save()
    make_approval(project, prompt="How much is the lantern, please?")
    take_snapshot(project, by=admin, wanted=WANTED)
    assert dict(PromptGroup.objects.values_list("key_sha256", "split")) == splits
    assert GroupMember.objects.count() == len(take) + 2


def test_only_who_trains_takes_snapshots_and_only_of_something(project, admin):
    with pytest.raises(NotAllowed):
        take_snapshot(project, by=make_member(project, Role.MODERATOR), wanted=WANTED)
    with pytest.raises(Invalid):
        take_snapshot(project, by=admin, wanted=WANTED)
    assert not DatasetSnapshot.objects.exists()


def test_the_second_snapshot_has_the_next_number_and_the_same_hash(project, admin):
    make_approval(project)
    make_approval(project, prompt="Do you ship to Norway?", output="Yes, in 5 days.", rewrite="")
    first, second = (take_snapshot(project, by=admin, wanted=WANTED) for _ in range(2))
    assert (first.number, second.number) == (1, 2)
    assert first.content_sha256 == second.content_sha256


def test_of_four_nearly_equal_questions_three_are_taught_the_fourth_is_listed_and_the_doctor_is_clean(project, admin):
    asked = ["How much is the lantern please?", "How much is the lantern, please?", "how much is the lantern please!",
             "How much is the lantern, please?!"]  # fmt: skip
    approvals = [make_approval(project, prompt=prompt) for prompt in asked]
    make_approval(project, prompt="Do you ship to Norway?", output="Yes, in 5 days.", rewrite="")
    snapshot = take_snapshot(project, by=admin, wanted=WANTED)
    group = PromptGroup.objects.get(members__prompt_sha256=prompt_sha256(approvals[0].interaction.messages))
    assert group.members.count() == 4
    taught = snapshot.rows.filter(kind="correction").order_by("approval").values_list("approval", flat=True)
    assert list(taught) == [approval.pk for approval in approvals[1:]]
    out = snapshot.left_out.get()
    assert (out.approval, out.reason, out.get_reason_display()) == (
        approvals[0], "over_cap", "over the share that one source may have"
    )  # fmt: skip
    assert out.detail == f"group {group.pk} of nearly the same question: 3 rows at most"
    assert [one for invariants in SLICES.values() for one in breaches_of(invariants)] == []


def test_what_is_approved_while_the_questions_are_grouped_waits_for_the_next_snapshot(project, admin, monkeypatch):
    make_approval(project)
    group = actions.group_prompts

    def group_and_approve(*args):
        group(*args)
        make_approval(project, prompt="How much is the tent?", output="9", rewrite="The tent costs 90 euros.")

    with monkeypatch.context() as overtaken:
        overtaken.setattr(actions, "group_prompts", group_and_approve)
        assert take_snapshot(project, by=admin, wanted=WANTED).rows.count() == 1
    assert take_snapshot(project, by=admin, wanted=WANTED).rows.count() == 2


@pytest.mark.django_db(transaction=True)
class TestACaseThatIsUploadedDuringAFreeze:
    """It is not both held out and taught: the freeze looks again once nobody can add another one."""

    LANTERN = ({"prompt": "how much is the LANTERN?", "gold": "The lantern costs 39 euros."},)
    OTHER = ({"prompt": "How heavy is the kettle?", "gold": "2 kg."},)

    @pytest.fixture(autouse=True)
    def _approved(self, project):
        make_approval(project, prompt="How much is the tent?", output="9", rewrite="The tent costs 90 euros.")
        make_approval(project)

    @pytest.fixture
    def freeze_and_upload(self, project, admin, monkeypatch):
        """freeze_and_upload(items): the upload comes when all rows have been chosen."""
        count = actions.count_tokens

        def freeze(items):
            def count_and_upload(*args, **named):
                assert add_cases(project, suite="fresh", items=items, by=admin).cases
                return count(*args, **named)

            with monkeypatch.context() as overtaken:
                overtaken.setattr(actions, "count_tokens", count_and_upload)
                return take_snapshot(project, by=admin, wanted=WANTED)

        return freeze

    def check_it_is_left_out_next_time(self, project, admin):
        assert not DatasetSnapshot.objects.exists()
        again = take_snapshot(project, by=admin, wanted=WANTED)
        assert [row.completion for row in again.rows.all()] == ["The tent costs 90 euros."]
        assert left_out(again) == {"held_out": 1}

    def test_one_that_comes_when_the_rows_are_chosen(self, project, admin, freeze_and_upload):
        with pytest.raises(Conflict, match="freeze again"):
            freeze_and_upload(self.LANTERN)
        self.check_it_is_left_out_next_time(project, admin)

    def test_one_that_is_not_yet_committed_when_the_freeze_reads_what_is_held_out(self, project, admin):
        told = at_once(
            lambda: add_cases(project, suite="fresh", items=self.LANTERN, by=admin),
            lambda: take_snapshot(project, by=admin, wanted=WANTED),
        )
        assert isinstance(told, Conflict)
        assert "freeze again" in told.detail
        self.check_it_is_left_out_next_time(project, admin)

    def test_one_that_asks_something_else_refuses_nothing(self, freeze_and_upload):
        assert freeze_and_upload(self.OTHER).rows.count() == 2
        assert Case.objects.count() == 1
