"""What the kernel is asked, and that one case which it cannot be asked stops nobody's evaluation."""

import pytest

from tests.factories import make_approval, make_project
from tests.training.makers import make_case, make_suite, make_version
from training.evaluation.actions.suites import grow
from training.evaluation.cases import Standing
from training.evaluation.figures import figures
from training.evaluation.folders import evaluation_folder, left_out, prepare
from training.evaluation.models import Case, CaseResult, Evaluation
from training.evaluation.supervisor import conclude
from training.lm.contract import Exit, read_status
from training.lm.evaluate import evaluate
from training.lm.files import read_lines
from training.runs.runners import Progress

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("models")]


@pytest.fixture
def evaluation():
    project = make_project()
    project.test_share = 0.0
    project.save()
    version = make_version(project)
    return Evaluation.objects.create(
        project=version.project, version=version, state="running", fence=1, folder=f"{version.name}-1"
    )


def asked(evaluation):
    prepare(evaluation, evaluation_folder(evaluation))
    return {int(line["id"]): line for line in read_lines(evaluation_folder(evaluation) / "cases.jsonl")}


def test_a_blank_answer_that_was_corrected_is_no_rejected_answer(evaluation):
    project = evaluation.project
    make_approval(project, output="\n", rewrite="The lantern costs 39 euros.")
    make_approval(project, prompt="How much is the tent?", output="9 euros.", rewrite="90 euros.")
    grow(project)
    assert sorted(line["rejected"] or "" for line in asked(evaluation).values()) == ["", "9 euros."]


def test_a_case_without_room_has_no_result_and_is_named_and_the_others_are_evaluated(evaluation):
    project = evaluation.project
    long = make_approval(project, prompt="How much is the lantern? " * 150, rewrite="")
    blank = make_approval(project, prompt="How much is the tent?", output=" \n", rewrite="90 euros.")
    grow(project)
    make_case(make_suite(project, "heldout"), "How much is the pot?", "9 euros.")
    folder = evaluation_folder(evaluation)
    asked(evaluation)
    assert left_out(evaluation) == []
    assert evaluate(folder) == Exit.SUCCEEDED
    where = {case.pk: Standing(CaseResult.Slice.ELSEWHERE, False) for case in Case.objects.all()}
    assert conclude(evaluation, folder, Progress(False, read_status(folder)), where)
    evaluation.refresh_from_db()
    assert (evaluation.state, evaluation.failure) == ("succeeded", "")
    endless = Case.objects.get(approval=long)
    assert [one.case for one in left_out(evaluation)] == [endless.pk]
    assert "512 fit" in left_out(evaluation)[0].why
    assert set(evaluation.results.values_list("case", flat=True)) == set(where) - {endless.pk}
    shown = figures(evaluation)
    assert (shown.held_out.n, shown.regression.n, shown.prefers.n) == (1, 1, 0)
    assert evaluation.results.get(case__approval=blank).logprobs["after"]["rejected"] is None
