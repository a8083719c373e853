"""Taking back: who may, where and why are asked first; then it is recorded, and only then loaded."""

import pytest
from django.test import Client
from django.urls import reverse

from labelhub.errors import Invalid, NotAllowed, Unavailable
from labelhub.projects.rights import Role
from tests.factories import make_key, make_member, make_project
from tests.training.makers import make_evaluation, make_version
from training.registry.actions import promote, report
from training.registry.live import live_version
from training.serving import inference
from training.serving.actions import take_back

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    return make_project()


@pytest.fixture
def admin(project):
    return make_member(project, Role.ADMIN)


@pytest.fixture
def two_live(project, admin):
    """The second is live in production, the first was before."""
    versions = []
    for seed in range(2):
        versions.append(make_version(project, seed=seed))
        report(make_evaluation(versions[-1], baseline=live_version(project)))
        promote(versions[-1], slot="production", by=admin)
    return versions


@pytest.fixture
def loaded(monkeypatch, project):
    """(version, what was live when it was loaded)."""
    found = []
    monkeypatch.setattr(inference, "load", lambda version: found.append((version, live_version(project))))
    return found


def test_it_is_recorded_before_it_is_loaded(project, admin, two_live, loaded):
    made = take_back(project, slot="production", by=admin, reason="complaints")
    assert made.version == two_live[0]
    assert loaded == [(two_live[0], two_live[0])]


def test_nothing_is_loaded_for_one_who_may_not_or_says_nothing(project, admin, two_live, loaded):
    with pytest.raises(NotAllowed):
        take_back(project, slot="production", by=make_member(project, Role.MODERATOR), reason="mine")
    for slot, reason in (("production", " "), ("nowhere", "complaints"), ("produc\0tion", "complaints")):
        with pytest.raises(Invalid):
            take_back(project, slot=slot, by=admin, reason=reason)
    assert loaded == []
    assert live_version(project) == two_live[1]


def test_a_server_that_is_away_holds_nothing_up(project, admin, two_live, monkeypatch):
    def away(version):
        raise Unavailable("away")

    monkeypatch.setattr(inference, "load", away)
    assert take_back(project, slot="production", by=admin, reason="complaints").version == two_live[0]


def test_an_odd_slot_is_invalid_over_the_api(project, admin, two_live):
    headers = {"Authorization": f"Bearer {make_key(project, 'train', person=admin)}"}
    for slot in ("nowhere", "produc\0tion"):
        body = {"slot": slot, "reason": "complaints"}
        answer = Client().post("/api/v1/rollback/", body, content_type="application/json", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


@pytest.mark.parametrize("odd", ["²", "٣", "9" * 30, "9" * 5_000, "-1", "x"])
def test_what_is_no_number_of_a_version_is_not_found(admin, odd):
    browser = Client()
    browser.force_login(admin)
    assert browser.get(reverse("admin:training_modelversion_change", args=[odd])).status_code == 404
