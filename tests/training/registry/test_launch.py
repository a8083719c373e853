"""Page, API and command launch through one action, and what stands in the way stops it at each of them."""

import shutil
from collections import namedtuple
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from labelhub.errors import NotAllowed, Unavailable
from labelhub.projects.rights import Role
from tests.factories import make_approval, make_key, make_member, make_project
from tests.training.makers import make_run, make_snapshot, make_version
from training.datasets.models import DatasetSnapshot
from training.lm.recipes import QUICK
from training.management.commands import train
from training.registry.actions import launch_retrain
from training.registry.models import Promotion
from training.registry.preflight import Check, preflight
from training.registry.tasks import evaluate_new_versions
from training.runs.models import TrainingRun

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("models")]
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def project():
    return make_project()


@pytest.fixture
def admin(project):
    return make_member(project, Role.ADMIN)


@pytest.fixture
def _full_disk(worker, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1 << 40, 1 << 40, 1 << 20))


def start(project, admin, **over):
    wanted = {"snapshot": make_snapshot(project), "recipe": QUICK, "by": admin, "reason": "try", "token": "t"}
    return launch_retrain(project, **{**wanted, **over})


def test_it_launches_where_nothing_stands_in_the_way(project, admin, worker):
    assert start(project, admin).state == "queued"


def test_without_a_training_worker_nothing_is_launched(project, admin):
    with pytest.raises(Unavailable, match=r"Nothing was launched. Training worker: .*start it with `manage.py up`"):
        start(project, admin)
    with pytest.raises(NotAllowed):
        start(project, make_member(project))
    assert not TrainingRun.objects.exists()


@pytest.mark.usefixtures("_full_disk")
class TestAFullDisk:
    def test_the_action_refuses(self, project, admin):
        with pytest.raises(Unavailable, match=r"Disk: 0\.0 GiB free, a run needs 1: make room"):
            start(project, admin)
        assert not TrainingRun.objects.exists()

    def test_the_api_refuses_with_the_reason(self, project, admin):
        make_snapshot(project)
        headers = {"Authorization": f"Bearer {make_key(project, 'train', person=admin)}"}
        body = {"snapshot": 1, "reason": "try"}
        answer = Client().post("/api/v1/runs/", body, content_type="application/json", headers=headers)
        assert answer.status_code == 503
        assert "Disk: 0.0 GiB free" in answer.json()["detail"]

    def test_the_page_refuses_with_the_reason_though_somebody_posts_past_the_button(self, project, admin, client):
        make_snapshot(project)
        client.force_login(admin)
        form = {"project": project.slug, "snapshot": "1", "token": "t", "recipe": "quick", "reason": "try"}
        answer = client.post(reverse("admin:training_trainingrun_launch"), form)
        assert answer.status_code == 422
        assert "Nothing was launched. Disk: 0.0 GiB free" in answer.content.decode()

    def test_the_command_refuses_with_the_reason_and_freezes_nothing(self, project, admin):
        with pytest.raises(CommandError, match=r"Disk: 0\.0 GiB free"):
            by_command(project, admin)
        assert not DatasetSnapshot.objects.exists()

    def test_the_same_token_still_names_the_run_that_it_launched(self, project, admin, monkeypatch):
        with monkeypatch.context() as enough:
            enough.setattr(shutil, "disk_usage", lambda _: Usage(1 << 40, 0, 1 << 40))
            run = start(project, admin)
        assert start(project, admin) == run


def test_the_preflight_says_beforehand_that_nothing_could_be_compared_with_what_is_live(project, admin):
    version = make_version(project)
    Promotion.objects.create(project=project, version=version, slot="production", by=admin)
    assert preflight(project)[-1] == Check("Live version", "ok", version.name)
    TrainingRun.objects.update(base_sha256="0" * 64)
    found = preflight(project)[-1]
    assert (found.level, "Version 1 was trained on another base" in found.found) == ("warn", True)


def by_command(project, admin, **over):
    project.test_share = 0.0
    project.save()
    make_approval(project)
    call_command("train", **{"project": project.slug, "by": admin.email, "reason": "try", **over})


def under_way(project):
    make_run(project, snapshot=make_snapshot(project, rows=1), state="running")


class TestTheCommand:
    @pytest.mark.parametrize(
        ("over", "why"),
        [({"seed": -1}, "seed must be a whole number"), ({"reason": " "}, "Say why this run is wanted")],
    )
    def test_it_freezes_nothing_for_a_run_that_it_refuses_in_words(self, project, admin, worker, over, why):
        with pytest.raises(CommandError, match=why):
            by_command(project, admin, **over)
        assert not DatasetSnapshot.objects.exists()

    def test_it_freezes_nothing_without_a_training_worker(self, project, admin):
        with pytest.raises(CommandError, match="The training worker is down"):
            by_command(project, admin)
        assert not DatasetSnapshot.objects.exists()

    def test_it_freezes_nothing_beside_a_run_that_is_under_way(self, project, admin, worker):
        under_way(project)
        with pytest.raises(CommandError, match="Run 1 of this project is under way"):
            by_command(project, admin)
        assert DatasetSnapshot.objects.count() == 1

    def test_it_freezes_nothing_for_one_who_may_not_train(self, project, worker):
        with pytest.raises(CommandError, match="role"):
            by_command(project, make_member(project))
        assert not DatasetSnapshot.objects.exists()

    def test_it_keeps_a_reason_as_every_door_does(self, project, admin, worker):
        by_command(project, admin, reason="one\r\ntwo")
        assert TrainingRun.objects.get().reason == "one\ntwo"

    def test_it_does_not_wait_for_a_verdict_that_never_comes(self, project, admin, worker, monkeypatch):
        """What is live is of another base: the follow-up compares nothing, and says so in its log only."""
        live = make_version(project)
        Promotion.objects.create(project=project, version=live, slot="production", by=admin)
        TrainingRun.objects.update(base_sha256="0" * 64)
        waited = []

        def meanwhile(_):
            assert not waited, "it waits for ever"
            run = TrainingRun.objects.active().get()
            TrainingRun.objects.filter(pk=run.pk).update(state="succeeded")
            waited.append(make_version(project, run=run, seed=1))
            evaluate_new_versions(project.pk)

        monkeypatch.setattr(train, "time", SimpleNamespace(sleep=meanwhile))
        with pytest.raises(CommandError, match=r"Version 2 is not compared .* Version 1 was trained on another base"):
            by_command(project, admin, wait=True)
