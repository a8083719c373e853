"""Training over HTTP: the same actions, the same rules, inside one's own project only."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from labelhub.projects.rights import Role
from tests.factories import make_approval, make_key, make_member, make_project
from tests.training.makers import make_case, make_evaluation, make_run, make_snapshot, make_suite, make_version
from training.evaluation.models import Case
from training.registry.actions import report
from training.registry.models import Promotion
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


def test_snapshot_run_and_cancel(project, api, worker):
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


def test_every_case_that_was_sent_is_taken_or_refused(project, api):
    items = [{"prompt": f"How heavy is thing {n}?", "gold": "2 kg."} for n in range(1_500)]
    done = api.post("suites/fresh/cases/", {"items": items})
    told = done.json()
    everything = len(told.get("cases", [])) + len(told.get("refused", [])) == len(items)
    assert everything or (done.status_code, Case.objects.count()) == (422, 0)


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


class TestRetiringACase:
    @pytest.fixture
    def case(self, project):
        return make_case(make_suite(project, "heldout"), "How heavy is it?", "2 kg.")

    def test_it_is_asked_no_more_and_says_why(self, api, case):
        done = api.post(f"cases/{case.pk}/retire/", {"reason": "wrong\r\nanswer"})
        assert done.status_code == 200
        assert (done.json()["id"], done.json()["retired_reason"]) == (case.pk, "wrong\nanswer")
        assert not Case.objects.asked().exists()
        assert api.get("suites/heldout/cases/").json()["items"][0]["retired_at"]
        assert api.post(f"cases/{case.pk}/retire/", {"reason": "again"}).status_code == 409

    @pytest.mark.parametrize("body", [{}, {"reason": " "}, {"reason": 3}])
    def test_it_needs_a_reason(self, api, case, body):
        assert api.post(f"cases/{case.pk}/retire/", body or None).status_code in (400, 422)

    def test_a_reason_that_would_be_cut_is_refused_and_named(self, api, case):
        refused = api.post(f"cases/{case.pk}/retire/", {"reason": "x" * 301})
        assert (refused.status_code, refused.json()["field"]) == (422, "reason")
        assert Case.objects.asked().get() == case
        assert Case.objects.asked().exists()

    def test_a_strangers_case_is_as_if_it_were_not_there(self, api, case):
        other = make_project()
        stranger = Api(make_key(other, "train", person=make_member(other, Role.ADMIN)))
        foreign, unknown = (stranger.post(f"cases/{pk}/retire/", {"reason": "x"}) for pk in (case.pk, 2**31 - 9))
        assert foreign.status_code == 404
        assert foreign.json() == unknown.json()
        assert Case.objects.asked().exists()

    def test_moderators_may_and_experts_and_readers_may_not(self, project, case):
        for role, scope, status in (
            (Role.EXPERT, "train", 403),
            (Role.ADMIN, "read", 403),
            (Role.MODERATOR, "train", 200),
        ):
            caller = Api(make_key(project, scope, person=make_member(project, role)))
            assert caller.post(f"cases/{case.pk}/retire/", {"reason": "x"}).status_code == status


def many(path, project, rows):
    """`rows` more of what the list of `path` shows."""
    for _ in range(rows):
        if path == "snapshots/":
            make_snapshot(project, by=make_member(project, Role.ADMIN))
        elif path == "runs/":
            make_run(project, parent=make_version(project))
        elif path == "versions/":
            make_version(project)
        elif path == "versions/1/evaluations/":
            version = project.modelversion_set.filter(number=1).first() or make_version(project)
            report(make_evaluation(version, held_out=(2, 1, 2), siblings=(2, 2, 2)))
        else:
            by, version = make_member(project, Role.ADMIN), make_version(project)
            previous = Promotion.objects.order_by("pk").last()
            Promotion.objects.create(project=project, version=version, slot="staging", by=by, previous=previous)


@pytest.mark.parametrize("path", ["snapshots/", "runs/", "versions/", "versions/1/evaluations/", "promotions/"])
def test_a_list_needs_as_many_queries_for_many_rows_as_for_one(project, api, path):
    api.get("runs/")  # a key's first use is noted
    rows, needed = [], []
    for more in (1, 4):
        many(path, project, more)
        with CaptureQueriesContext(connection) as queries:
            rows.append(len(api.get(path).json()["items"]))
        needed.append(len(queries))
    assert rows[1] == 5 * rows[0]
    assert needed[0] == needed[1]


def test_a_list_of_evaluations_says_how_each_ended_and_leaves_its_figures_to_its_own_page(project, api):
    evaluation = make_evaluation(make_version(project))
    report(evaluation)
    (item,) = api.get("versions/1/evaluations/").json()["items"]
    assert (item["state"], item["gate"]["passed"], "figures" in item) == ("succeeded", True, False)
    assert api.get(f"evaluations/{evaluation.pk}/").json()["figures"]["held_out"]["n"] == 60


def test_a_snapshot_in_a_list_counts_its_own_rows(project, api):
    for n in (2, 3):
        make_snapshot(project, rows=n)
    assert [item["rows"] for item in api.get("snapshots/").json()["items"]] == [{"rehearsal": 3}, {"rehearsal": 2}]
    assert api.get("snapshots/1/").json()["rows"] == {"rehearsal": 2}


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
