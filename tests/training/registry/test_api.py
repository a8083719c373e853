"""Training over HTTP: the same actions, the same rules, inside one's own project only."""

import pytest
from django.test import Client

from labelhub.projects.rights import Role
from tests.factories import make_approval, make_key, make_member, make_project
from tests.training.makers import make_evaluation, make_run, make_snapshot, make_suite, make_version
from training.registry.actions import report
from training.runs.models import TrainingRun

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("models")]


class Api:
    def __init__(self, key: str):
        self.client, self.headers = Client(), {"Authorization": f"Bearer {key}"}

    def get(self, path: str, **query):
        return self.client.get(f"/api/v1/{path}", query, headers=self.headers)

    def post(self, path: str, body=None):
        return self.client.post(f"/api/v1/{path}", body or {}, content_type="application/json", headers=self.headers)


@pytest.fixture
def project():
    project = make_project(two_person_promotion=False)
    project.test_share = 0.0
    project.save()
    return project


@pytest.fixture
def admin(project):
    return make_member(project, Role.ADMIN)


@pytest.fixture
def api(project, admin):
    return Api(make_key(project, "train", person=admin))


def test_snapshot_run_and_cancel(project, api):
    make_approval(project)
    made = api.post("snapshots/", {"good_rows": 5, "rehearsal_per_correction": 0})
    assert made.status_code == 201
    assert made.json()["rows"] == {"correction": 1}
    assert api.get("snapshots/1/").json()["first_rows"][0]["completion"] == "The lantern costs 39 euros."
    assert [row["number"] for row in api.get("snapshots/").json()["items"]] == [1]
    launched = api.post("runs/", {"snapshot": 1, "recipe": "quick", "reason": "first", "token": "t"})
    assert launched.status_code == 201
    assert api.post("runs/", {"snapshot": 1, "recipe": "quick", "reason": "first", "token": "t"}).json()["number"] == 1
    second = api.post("runs/", {"snapshot": 1, "reason": "second", "token": "u"})
    assert (second.status_code, second.json()["run"]) == (409, 1)
    assert api.get("runs/1/").json()["metrics"] == []
    assert api.post("runs/1/cancel/").json()["state"] == "cancelled"
    assert api.post("runs/1/cancel/").status_code == 409


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"snapshot": 1}, 422), ({"snapshot": 9, "reason": "x"}, 404), ({"snapshot": "1", "reason": "x"}, 404),
        ({"snapshot": 1, "reason": "x", "recipe": "lavish"}, 422), ({"snapshot": 1, "reason": "x", "seed": -1}, 422),
        ({"snapshot": 1, "reason": "x", "recipe": {"max_steps": 0}}, 422), ({"snapshot": 1, "reason": 3}, 422),
        ({"snapshot": 1, "reason": "x", "parent": 4}, 404),
    ],
)  # fmt: skip
def test_a_launch_that_makes_no_sense_is_refused_with_words(project, api, body, status):
    make_snapshot(project)
    answer = api.post("runs/", body)
    assert answer.status_code == status
    assert answer.json()["detail"]
    assert not TrainingRun.objects.exists()


def test_held_out_cases_are_stored_refused_and_listed(project, api):
    make_approval(project)
    items = [
        {"prompt": "What does the tent cost?", "gold": "90 euros."},
        {"prompt": "what does the TENT cost?", "gold": "80 euros."},
        {"prompt": "", "gold": "x"},
        {"gold": "x"},
    ]
    done = api.post("suites/fresh/cases/", {"items": items})
    assert done.status_code == 207
    assert len(done.json()["cases"]) == 1
    assert [line["index"] for line in done.json()["refused"]] == [1, 2, 3]
    assert api.post("suites/fresh/cases/", {"items": items[:1]}).status_code == 201
    assert len(api.get("suites/fresh/cases/").json()["items"]) == 1
    assert api.post("suites/regression/cases/", {"items": items[:1]}).status_code == 422


def test_a_case_that_was_trained_on_is_refused(project, api):
    make_approval(project)
    api.post("snapshots/", {"rehearsal_per_correction": 0})
    done = api.post("suites/fresh/cases/", {"items": [{"prompt": "How much is the lantern??", "gold": "39 euros."}]})
    assert done.json()["cases"] == []
    assert "trained on" in done.json()["refused"][0]["error"]


def test_versions_verdicts_promotion_and_rollback(project, api):
    version = make_version(project)
    make_suite(project, "heldout")
    report(make_evaluation(version))
    assert api.get("versions/").json()["items"][0]["name"] == version.name
    shown = api.get("versions/1/").json()["evaluation"]
    assert shown["figures"]["held_out"]["n"] == 60
    assert api.get("versions/1/gate/").json()["passed"]
    assert len(api.get(f"evaluations/{shown['id']}/").json()["results"]) == 100
    promoted = api.post("promotions/", {"version": 1})
    assert promoted.status_code == 201
    assert promoted.json()["name"] == version.name
    assert api.post("promotions/", {"version": 1}).status_code == 409
    assert api.post("rollback/", {}).status_code == 422
    assert api.post("rollback/", {"reason": "complaints"}).json()["name"] == "base"
    assert [row["name"] for row in api.get("promotions/").json()["items"]] == ["base", version.name]
    assert api.post("versions/1/evaluations/").status_code == 201
    assert api.post("versions/1/evaluations/").status_code == 409


PATHS = [
    "snapshots/",
    "snapshots/1/",
    "runs/",
    "runs/1/",
    "versions/",
    "versions/1/",
    "versions/1/gate/",
    "promotions/",
]


@pytest.mark.parametrize("path", PATHS)
def test_only_admins_of_the_project_see_its_training(project, path):
    version = make_version(project, run=make_run(project))
    report(make_evaluation(version))
    other = make_project()
    stranger = Api(make_key(other, "train", person=make_member(other, Role.ADMIN)))
    moderator = Api(make_key(project, "train", person=make_member(project, Role.MODERATOR)))
    owner = Api(make_key(project, "train", person=make_member(project, Role.ADMIN)))
    reader = Api(make_key(project, "read", person=make_member(project, Role.ADMIN)))
    assert owner.get(path).status_code == 200
    assert moderator.get(path).status_code == reader.get(path).status_code == 403
    assert Client().get(f"/api/v1/{path}").status_code in (401, 403)
    unknown = stranger.get(path)
    assert unknown.status_code == (404 if "1" in path else 200)
    assert unknown.json().get("items", []) == []
