"""The gateway with a real inference server: who answers, also after a promotion, a rollback and a restart."""

import json
import time

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client
from django.urls import reverse

from labelhub.projects.rights import Role
from tests.factories import make_key, make_member, make_project
from tests.training.makers import make_evaluation, make_version
from training.registry.actions import report
from training.registry.live import live_version
from training.runs.models import TrainingRun
from training.serving import inference
from training.serving.actions import release, take_back

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("models")]
HELLO = [{"role": "user", "content": "How much is the lantern?"}]


@pytest.fixture
def project():
    return make_project()


@pytest.fixture
def admin(project):
    return make_member(project, Role.ADMIN)


@pytest.fixture
def key(project):
    return make_key(project, "inject")


def ask(key, model="production", **more):
    body = {"model": model, "messages": HELLO, "max_tokens": 12, **more}
    headers = {"Authorization": f"Bearer {key}"}
    return Client().post("/v1/chat/completions", body, content_type="application/json", headers=headers)


def ready(project, seed=0, size=0.0):
    version = make_version(project, seed=seed, size=size)
    report(make_evaluation(version, baseline=live_version(project)))
    return version


def test_the_base_answers_until_something_is_promoted_then_the_version_does(project, admin, key):
    first = ask(key).json()
    assert first["model"] == "base"
    version = ready(project, size=0.5)
    release(version, slot="production", by=admin)
    second = ask(key).json()
    assert second["model"] == f"{project.slug}-v1"
    assert ask(key, model="base").json()["choices"] == first["choices"]
    take_back(project, slot="production", by=admin, reason="complaints")
    assert ask(key).json()["choices"] == first["choices"]


@pytest.mark.alone
@pytest.mark.bar("loop-rollback", "R14")
def test_after_a_rollback_in_the_admin_the_earlier_answers_are_back_within_two_seconds(project, admin, key):
    before = ask(key).json()["choices"]
    version = ready(project, size=0.5)
    release(version, slot="production", by=admin)
    changed = ask(key).json()["choices"]
    assert changed != before
    browser = Client()
    browser.force_login(admin)
    started = time.monotonic()
    page = reverse("admin:training_modelversion_rollback", args=[version.pk])
    browser.post(page, {"slot": "production", "reason": "complaints"})
    assert ask(key).json()["choices"] == before
    assert time.monotonic() - started <= 2


def test_a_server_that_lost_the_adapter_gets_it_again(project, admin, key):
    release(ready(project), slot="production", by=admin)
    inference.unload(f"{project.slug}-v1")
    assert ask(key).json()["model"] == f"{project.slug}-v1"


def test_a_name_that_holds_other_files_makes_room(project, admin, key):
    release(ready(project), slot="production", by=admin)
    other = make_version(project, seed=7, size=0.5)
    type(other).objects.filter(pk=other.pk).update(number=99)
    type(other).objects.filter(number=1).update(number=98)
    type(other).objects.filter(pk=other.pk).update(number=1)
    other.refresh_from_db()
    inference.load(other)
    assert other.name in inference.loaded()


def test_a_version_of_another_base_than_the_one_that_is_set_answers_with_what_to_do_about_it(project, admin, key):
    release(ready(project), slot="production", by=admin)
    inference.unload(f"{project.slug}-v1")  # as the server has forgotten it once it is started with another base
    TrainingRun.objects.update(base_sha256="0" * 64)
    refused = ask(key)
    assert refused.status_code == 409
    error = refused.json()["error"]
    assert "Version 1 was trained on another base model" in error["message"]
    assert "Set LABELHUB_BASE_MODEL to that one again" in error["message"]
    assert (error["type"], error["code"]) == ("invalid_request_error", "conflict")
    assert f"{project.slug}-v1" not in inference.loaded()
    assert ask(key, model="base").status_code == 200


def test_older_versions_are_unloaded_but_the_one_before_stays(project, admin):
    versions = []
    for seed in range(3):
        versions.append(ready(project, seed=seed))
        release(versions[-1], slot="production", by=admin)
    names = inference.loaded()
    assert [version.name in names for version in versions] == [False, True, True]


def test_an_answer_streams_piece_by_piece(project, key):
    async def stream():
        body = json.dumps({"model": "production", "messages": HELLO, "max_tokens": 12, "stream": True})
        headers = {"Authorization": f"Bearer {key}"}
        response = await AsyncClient().post(
            "/v1/chat/completions", body, content_type="application/json", headers=headers
        )
        return response, [piece async for piece in response.streaming_content]

    response, pieces = async_to_sync(stream)()
    assert response.headers["Content-Type"].startswith("text/event-stream")
    lines = b"".join(pieces).decode().split("\n\n")
    assert lines[-2] == "data: [DONE]"
    assert json.loads(lines[0].removeprefix("data: "))["model"] == "base"
    assert len(lines) > 4


def test_a_stream_is_refused_by_the_web_process_which_cannot_hold_one_open(project, key):
    answer = ask(key, stream=True)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "no_streams_here"
    assert "gateway" in answer.json()["error"]["message"]
    assert ask("lh_x_y", stream=True).status_code == 401
    assert ask(key, stream=False).status_code == ask(key, stream=None).status_code == 200


@pytest.mark.parametrize(
    ("model", "status"),
    [("gpt-4o", 404), ("other-v1", 404), (None, 404), ("{slug}-v1x", 404), ("{slug}-v1", 404), ("staging", 200)],
)
def test_only_models_of_the_project_are_answered(project, key, model, status):
    response = ask(key, model=model and model.format(slug=project.slug))
    assert response.status_code == status
    if status == 404:
        assert response.json()["error"]["code"] == "model_not_found"


def test_a_foreign_version_is_unknown(project, key):
    foreign = make_version(make_project())
    assert ask(key, model=foreign.name).status_code == 404


@pytest.mark.parametrize(("scope", "status"), [("inject", 200), ("ingest", 200), ("read", 403), ("feedback", 403)])
def test_a_key_needs_the_scope(project, scope, status):
    assert ask(make_key(project, scope)).status_code == status


def test_a_person_who_left_the_project_asks_no_more(project):
    person = make_member(project, Role.MODERATOR)
    key = make_key(project, "inject", person=person)
    assert ask(key).status_code == 200
    person.membership_set.all().delete()
    assert ask(key).status_code == 403


def test_what_is_wrong_is_said_as_openai_says_it(project, key, settings):
    assert ask("lh_x_y").json()["error"]["code"] == "invalid_api_key"
    assert ask(key, messages="no").status_code == 400
    settings.LABELHUB_CHAT_URL = "http://127.0.0.1:9/v1"
    down = ask(key)
    assert down.status_code == 503
    assert down.headers["Retry-After"] == "2"


def test_the_official_names_of_the_models_are_listed(project, key):
    make_version(project)
    names = [
        model["id"] for model in Client().get("/v1/models", headers={"Authorization": f"Bearer {key}"}).json()["data"]
    ]
    assert names == ["staging", "production", "base", f"{project.slug}-v1"]


def test_nothing_is_promoted_while_the_server_cannot_answer_with_it(project, admin, settings):
    version = ready(project)
    settings.LABELHUB_CHAT_URL = "http://127.0.0.1:9/v1"
    with pytest.raises(inference.Unavailable):
        release(version, slot="production", by=admin)
    assert live_version(project) is None


def test_a_rollback_does_not_wait_for_a_server_that_is_down(project, admin, settings):
    release(ready(project), slot="production", by=admin)
    settings.LABELHUB_CHAT_URL = "http://127.0.0.1:9/v1"
    take_back(project, slot="production", by=admin, reason="server is down too")
    assert live_version(project) is None
