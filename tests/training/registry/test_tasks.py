"""Follow-ups of a registration: each version is compared, and one that cannot be does not hold up the others."""

import pytest

from tests.factories import make_project
from tests.training.makers import make_version
from training.evaluation.models import Evaluation
from training.registry.tasks import evaluate_new_versions
from training.runs.models import TrainingRun

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("models")]


def test_a_version_of_another_base_does_not_hold_up_the_next(caplog):
    project = make_project()
    old, new = make_version(project), make_version(project, seed=1)
    TrainingRun.objects.filter(pk=old.run.pk).update(base_sha256="0" * 64)
    evaluate_new_versions(project.pk)
    assert [evaluation.version for evaluation in Evaluation.objects.all()] == [new]
    assert "Version 1 was trained on another base" in caplog.text
