"""What is done about each way in which a server does not load an adapter."""

import httpx
import pytest

from labelhub.errors import Conflict, Unavailable
from tests.factories import make_project
from tests.training.makers import make_version
from training.runs.models import TrainingRun
from training.serving import inference

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(monkeypatch):
    """asked(*answers): the server gives these, one by one, and the routes that it was asked are returned."""

    def answering(*answers):
        waiting, routes = list(answers), []

        def post(route, body):
            routes.append(route)
            status, code = waiting.pop(0)
            return httpx.Response(status, json={"error": {"message": "It says why.", "code": code}})

        monkeypatch.setattr(inference, "_post", post)
        return routes

    return answering


@pytest.fixture
def version(own_folder):
    return make_version(make_project())


def test_other_files_under_the_name_make_room(version, asked):
    routes = asked((409, "conflict"), (200, ""), (200, ""))
    inference.load(version)
    assert routes == ["load_lora_adapter", "unload_lora_adapter", "load_lora_adapter"]


@pytest.mark.parametrize("answer", [(409, "too_many"), (503, "overloaded"), (409, None)])
def test_any_other_refusal_unloads_nothing(version, asked, answer):
    routes = asked(answer)
    with pytest.raises(Unavailable, match="It says why"):
        inference.load(version)
    assert routes == ["load_lora_adapter"]


def test_an_adapter_of_another_base_is_never_loaded_onto_the_one_that_is_set(version, asked):
    TrainingRun.objects.update(base_sha256="0" * 64)
    version.refresh_from_db()
    routes = asked()
    with pytest.raises(Conflict, match="Version 1 was trained on another base model"):
        inference.load(version)
    assert routes == []
