"""What is done about each way in which a server does not load an adapter."""

import httpx
import pytest

from labelhub.errors import Unavailable
from tests.factories import make_project
from tests.training.makers import make_version
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
def version(settings, tmp_path):
    settings.DATA_DIR = tmp_path
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
