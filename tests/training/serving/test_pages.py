"""What the page of a version is given to show."""

import json

import pytest

from labelhub.projects.rights import Role
from tests.factories import make_member, make_project
from tests.training.makers import make_evaluation, make_version
from training.evaluation.folders import evaluation_folder
from training.evaluation.models import Evaluation
from training.serving.pages import version_context

pytestmark = pytest.mark.django_db


def test_cases_that_were_left_out_are_named_beside_the_figures_and_in_none_of_them(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    project = make_project()
    version, admin = make_version(project), make_member(project, Role.ADMIN)
    assert version_context(version, admin)["left_out"] == []
    evaluation = make_evaluation(version, folder="v1", held_out=(3, 1, 2))
    assert version_context(version, admin)["left_out"] == []
    folder = evaluation_folder(evaluation)
    folder.mkdir(parents=True)
    (folder / "left_out.jsonl").write_text(json.dumps({"id": "7", "reason": "no room for its answer"}) + "\n")
    context = version_context(version, admin)
    assert [(one.case, one.why) for one in context["left_out"]] == [(7, "no room for its answer")]
    assert context["figures"].held_out.n == 3
    Evaluation.objects.update(state="failed")
    assert version_context(version, admin)["left_out"] == []
