"""How suites fill and empty, and where a case stands to a run's rows."""

import threading

import pytest
from django.db import OperationalError, connection, transaction

from annotations.recall.tasks import embed_captured
from annotations.review.models import Approval
from labelhub.errors import Conflict, Invalid, NotAllowed, StaleState
from labelhub.projects.models import Project
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
from tests.training.makers import make_row
from training.datasets import likeness
from training.datasets.models import DatasetSnapshot, PromptGroup
from training.evaluation.actions import suites
from training.evaluation.actions.suites import add_cases, grow, retire_case
from training.evaluation.cases import standings
from training.evaluation.models import Case, Suite

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


def upload(project, *items, suite="fresh", **over):
    by = over.pop("by", None) or make_member(project, Role.MODERATOR)
    return add_cases(project, suite=suite, items=[{"prompt": prompt, "gold": gold} for prompt, gold in items], by=by)


def test_a_case_leaves_its_suite_once_with_a_reason_and_what_it_showed_stays(project):
    [case] = upload(project, ("How much is the tent?", "90 euros.")).cases
    moderator = make_member(project, Role.MODERATOR)
    for by, refusal in ((make_member(project), NotAllowed), (make_member(make_project(), Role.ADMIN), NotAllowed)):
        with pytest.raises(refusal):
            retire_case(case, by=by, reason="wrong price")
    with pytest.raises(Invalid, match="Say why"):
        retire_case(case, by=moderator, reason=" ")
    with pytest.raises(Invalid, match="at most 300 characters") as too_long:
        retire_case(case, by=moderator, reason="x" * 301)
    assert too_long.value.extra == {"field": "reason"}
    assert Case.objects.asked().get() == case
    retired = retire_case(case, by=moderator, reason=" wrong price ")
    assert (bool(retired.retired_at), retired.retired_reason) == (True, "wrong price")
    with pytest.raises(StaleState):
        retire_case(case, by=moderator, reason="again")
    assert not Case.objects.asked().exists()
    assert Case.objects.get().retired_reason == "wrong price"


def test_a_reason_to_retire_may_be_as_long_as_it_is_kept(project):
    [case] = upload(project, ("How much is the tent?", "90 euros.")).cases
    reason = "x" * 300
    assert retire_case(case, by=make_member(project, Role.MODERATOR), reason=f" {reason} ").retired_reason == reason


def test_a_retired_case_does_not_grow_again_and_may_be_asked_anew(project):
    approval = make_approval(project)
    grow(project)
    case = retire_case(Case.objects.get(approval=approval), by=make_member(project, Role.MODERATOR), reason="too long")
    assert grow(project) == 0
    assert not Case.objects.asked().exists()
    assert upload(project, (case.question, "40 euros.")).cases


def test_an_upload_has_a_limit_and_a_suite_a_name_that_fits(project, settings):
    settings.MAX_BATCH_ITEMS = 3
    items = [(f"What is {n}?", f"{n}.") for n in range(4)]
    with pytest.raises(Invalid, match="At most 3 cases at once: send the others in a second upload"):
        upload(project, *items)
    for name in ("", "x" * 61):
        with pytest.raises(Invalid, match="1 to 60 letters"):
            upload(project, *items[:3], suite=name)
    assert not Suite.objects.exists()
    assert len(upload(project, *items[:3], suite="x" * 60).cases) == 3


def test_what_another_held_out_suite_answers_otherwise_is_refused(project):
    upload(project, ("How much is the tent?", "90 euros."))
    done = upload(project, ("how much is the TENT?", "80 euros."), ("How much is the pot?", "9 euros."), suite="second")
    assert [case.gold for case in done.cases] == ["9 euros."]
    [line] = done.refused
    assert (line["index"], "another right answer" in line["error"]) == (0, True)
    assert len(upload(project, ("How much is the tent?", " 90 euros.\n"), suite="second").cases) == 1


def test_an_approval_that_commits_while_suites_grow_waits_for_the_next_time(project, monkeypatch):
    make_approval(project)
    read = suites.groups_by_prompt

    def read_and_be_overtaken(of):
        groups = read(of)
        make_approval(project, prompt="Do you ship to Norway?", output="Yes, in 5 days.", rewrite="")
        return groups

    monkeypatch.setattr(suites, "groups_by_prompt", read_and_be_overtaken)
    assert grow(project) == 1
    monkeypatch.undo()
    assert grow(project) == 1
    assert Case.objects.asked().count() == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("taught", ["How much is the tent?", "How much is the tent??"])
def test_no_snapshot_is_stored_between_the_look_at_what_was_taught_and_the_new_case(project, taught):
    """The upload has looked, and waits for the project; then it looks again, and finds the row."""

    def store():
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        snapshot = DatasetSnapshot.objects.create(project=project, number=1, parameters={})
        make_row(snapshot, 1, taught, "The tent costs 90 euros.")

    done = at_once(store, lambda: upload(project, ("How much is the tent?", "90 euros.")))
    assert done.cases == []
    assert "A model was trained on this question" in done.refused[0]["error"]


@pytest.mark.django_db(transaction=True)
def test_an_upload_that_waits_for_the_encoder_holds_up_no_freeze_and_no_launch(project, monkeypatch):
    make_row(DatasetSnapshot.objects.create(project=project, number=1, parameters={}), 1, "How long is it?", "2 m.")
    embed, free = likeness.client.embed, []

    def take():
        try:
            with transaction.atomic():
                free.append(Project.objects.select_for_update(no_key=True, nowait=True).filter(pk=project.pk).exists())
        except OperationalError:
            free.append(False)
        finally:
            connection.close()

    def others_go_on(texts):
        another = threading.Thread(target=take)
        another.start()
        another.join()
        return embed(texts)

    monkeypatch.setattr(likeness.client, "embed", others_go_on)
    assert upload(project, ("How much is the tent?", "90 euros.")).cases
    assert free == [True, True], "for the row, and for the new case"


def test_an_upload_that_is_overtaken_by_one_freeze_after_the_other_is_refused(project, monkeypatch):
    look, numbers = suites._look, iter(range(1, 100))

    def look_and_be_overtaken(*args):
        found = look(*args)
        n = next(numbers)
        make_row(DatasetSnapshot.objects.create(project=project, number=n, parameters={}), 1, f"What is {n}?", "It.")
        return found

    monkeypatch.setattr(suites, "_look", look_and_be_overtaken)
    with pytest.raises(Conflict, match="upload the cases again"):
        upload(project, ("How much is the tent?", "90 euros."))
    assert not Case.objects.exists()


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
