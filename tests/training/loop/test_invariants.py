"""What hangs together is of one project, generated from the models: every key of every model that could lead astray."""

import pytest

from tests.planting import Planting, update
from tests.training.worlds import Trained, trained_world
from training.loop.invariants import INVARIANTS, in_one_project, links, ours, path_to_project, state_is_known

pytestmark = pytest.mark.django_db
LINKED = [model for model in ours() if links(model)]
STATEFUL = [model for model in ours() if hasattr(model, "MOVES")]
KEYS = [(model, key, path) for model in LINKED for key, path in links(model)]
in_one = Planting([in_one_project(model) for model in LINKED])
plant = Planting([one for one in INVARIANTS if one.name not in in_one.invariants])


@pytest.fixture(scope="module")
def other(world, django_db_blocker) -> Trained:
    with django_db_blocker.unblock():
        return trained_world()


@pytest.mark.bar("3a-57")
@pytest.mark.parametrize(("model", "key", "path"), KEYS, ids=lambda part: getattr(part, "__name__", part))
def test_a_key_into_another_project_is_found_by_the_models_invariant_alone(world, other, model, key, path):
    assert in_one.found() == {}
    mine = model.objects.filter(**{path_to_project(model): world.project}).first()
    theirs = model._meta.get_field(key).related_model.objects.filter(**{path: other.project}).first()
    update(mine, **{f"{key}_id": theirs.pk})
    assert list(in_one.found()) == [in_one_project(model).name]


def test_the_models_that_hang_together_are_the_ones_that_one_would_name():
    names = {model.__name__ for model in LINKED}
    assert names >= {
        "Approval", "Case", "CaseResult", "Decision_flags", "Evaluation", "Feedback", "Flag", "GateReport", "Injection",
        "Interaction", "Label", "LabelCategory", "ModelVersion", "Promotion", "ReviewTask", "SnapshotRow", "SpanComment",
        "TrainingRun",
    }  # fmt: skip
    assert dict(links(next(model for model in LINKED if model.__name__ == "SpanComment"))) == {
        "category": "taxonomy__project"
    }


def a_row(world, model):
    own = path_to_project(model) or "project"
    return model.objects.filter(**{own: world.project}).first()


for _model in STATEFUL:

    @plant(state_is_known(_model).name)
    def _(world, model=_model):
        update(a_row(world, model), state="lost")


@plant("a version's weights lead back to its rows, labels and people, each hashed again")
def _(world):
    update(world.row("correction"), row_sha256="0" * 64)


@pytest.mark.bar("doctor")
@pytest.mark.parametrize("name", plant.names)
def test_a_planted_breach_is_found_by_its_invariant_alone(world, name):
    plant.shows(name, world)
