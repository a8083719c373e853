"""How suites fill and empty, and where a case stands to a run's rows."""

import pytest

from annotations.recall.tasks import embed_captured
from annotations.review.models import Approval
from labelhub.errors import NotAllowed
from labelhub.projects.rights import Role
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
from tests.training.makers import make_row
from training.datasets.models import DatasetSnapshot, PromptGroup
from training.evaluation.cases import standings
from training.evaluation.models import Case, Suite
from training.evaluation.suites import add_cases, grow

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("models")]


@pytest.fixture
def project():
    project = make_project()
    project.test_share = 0.0
    project.save()
    return project


def newer(project, interaction, **payload):
    """A later approval on the same interaction."""
    expert, moderator = make_member(project), make_member(project, Role.MODERATOR)
    label = make_label(make_task(make_queue(project), interaction), expert, **payload)
    return Approval.objects.create(project=project, label=label, interaction=interaction, by=moderator)


def test_every_approval_becomes_a_regression_case_once(project):
    fixed = make_approval(project)
    make_approval(project, prompt="Do you ship to Norway?", output="Yes, in 5 days.", rewrite="")
    assert grow(project) == 2
    assert grow(project) == 0
    case = Case.objects.get(approval=fixed)
    assert (case.gold, case.rejected) == ("The lantern costs 39 euros.", "The lantern costs 45 euros.")
    assert set(Suite.objects.values_list("slug", "kind")) == {("regression", "regression")}


def test_a_correction_of_the_test_split_is_held_out_and_a_good_answer_is_not(project):
    project.test_share = 0.9
    project.save()
    for n in range(8):
        make_approval(project, prompt=f"What about item {n} then?", output="No.", rewrite=f"Answer {n}.")
        make_approval(project, prompt=f"Do you still have thing {n}?", output="Yes.", rewrite="")
    grow(project)
    held_out = Case.objects.held_out()
    assert 0 < held_out.count() == Case.objects.filter(group__split=PromptGroup.Split.TEST).exclude(rejected="").count()
    assert not held_out.filter(rejected="").exists()


def test_a_newer_approval_with_another_answer_retires_the_case_by_itself(project):
    old = make_approval(project)
    grow(project)
    newer(project, old.interaction, **FLAWED, rewrite="The lantern costs 40 euros.")
    grow(project)
    retired = Case.objects.get(approval=old)
    assert retired.retired_at
    assert "answers the same question otherwise" in retired.retired_reason
    assert [case.gold for case in Case.objects.asked()] == ["The lantern costs 40 euros."]


def test_a_newer_verdict_of_flawed_without_text_retires_a_good_answer(project):
    old = make_approval(project, rewrite="")
    grow(project)
    newer(project, old.interaction, **FLAWED)
    grow(project)
    assert not Case.objects.asked().exists()


def test_the_same_answer_again_changes_nothing(project):
    make_approval(project)
    make_approval(project, prompt="how much is the LANTERN?")
    assert grow(project) == 1
    assert Case.objects.asked().count() == 1


def test_moderators_upload_cases_and_experts_do_not(project):
    items = [{"prompt": "How much is the tent?", "gold": "90 euros."}]
    assert add_cases(project, suite="fresh", items=items, by=make_member(project, Role.MODERATOR)).cases
    with pytest.raises(NotAllowed):
        add_cases(project, suite="fresh", items=items, by=make_member(project))


def test_seen_corrected_sibling_and_elsewhere_are_told_apart(project):
    correction = make_approval(project, prompt="How much does the lantern cost?")
    good = {
        "sibling": make_approval(
            project, prompt="How much does the rucksack cost?", output="The rucksack costs 80 euros.", rewrite=""
        ),
        "elsewhere": make_approval(project, prompt="Do you ship parcels to Norway?", output="Yes.", rewrite=""),
        "seen": make_approval(
            project, prompt="How much does the kettle cost?", output="The kettle costs 30 euros.", rewrite=""
        ),
    }
    other = make_approval(
        project, prompt="How much does the tent cost?", output="9", rewrite="The tent costs 90 euros."
    )
    paraphrase = make_approval(
        project, prompt="What does the lantern cost?", output="The lantern costs 39 euros.", rewrite=""
    )
    grow(project)
    snapshot = DatasetSnapshot.objects.create(project=project, number=1, parameters={})
    facts = {"interaction": correction.interaction, "approval": correction, "kind": "correction"}
    make_row(snapshot, 1, correction.interaction.prompt, correction.label.rewrite, **facts)
    twin = make_interaction(project, prompt="how much does the kettle cost??", output="The kettle costs 30 euros.")
    make_row(snapshot, 2, twin.prompt, twin.output, interaction=twin)
    embed_captured(project.pk)
    cases = list(Case.objects.select_related("suite"))
    where = {case.approval_id: standing for case, standing in ((c, standings(cases, snapshot)[c.pk]) for c in cases)}
    assert (where[correction.pk].slice, where[correction.pk].seen) == ("corrected", True)
    assert (where[good["sibling"].pk].slice, where[good["sibling"].pk].seen) == ("sibling", False)
    assert (where[good["elsewhere"].pk].slice, where[good["elsewhere"].pk].seen) == ("elsewhere", False)
    assert where[good["seen"].pk].seen
    assert where[other.pk].slice == "elsewhere"
    assert where[paraphrase.pk].slice == "corrected"
