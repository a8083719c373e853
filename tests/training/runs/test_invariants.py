"""Each invariant of runs and versions finds the breach that is planted for it, and only that one does."""

import json
import math
import shutil

import pytest

from tests.planting import Planting, again, update
from training.lm.adapter_files import WEIGHTS
from training.runs import store
from training.runs.invariants import INVARIANTS

pytestmark = pytest.mark.django_db
plant = Planting(INVARIANTS)


@plant("a run has an end exactly when it ended")
def _(world):
    update(world.version.run, finished_at=None)


@plant("a run that failed says why, and no other does")
def _(world):
    update(world.version.run, failure="Who knows?")


@plant("a run under way is looked after by a supervisor")
def _(world):
    update(world.running, heartbeat_at="2026-01-01T00:00:00Z")


@plant("a run is started at most 3 times, and taken over at most 10 times")
def _(world):
    update(world.version.run, attempt=4)


@plant("a run succeeded exactly when it left a version")
def _(world):
    update(world.version.run, state="cancelled")


@plant("a run that succeeded took every step")
def _(world):
    update(world.version.run, step=1)


@plant("a project has one run under way")
def _(world):
    again(world.running, number=2, token="twice")


@plant("a run goes on from a version that was there before it")
def _(world):
    update(world.version, created_at="2099-01-01T00:00:00Z")


@plant("a run's figures are numbers, of steps that it took")
def _(world):
    update(world.version.run.metrics.get(), loss=math.nan)


@plant("a version names its weights by their sha256, and no file but an adapter's")
def _(world):
    update(world.version, manifest_sha256="")


@plant("a version's files stand in the store as they were registered, safetensors only")
def _(world):
    shutil.rmtree(store.folder_of(world.another_version().adapter_sha256))


@pytest.mark.bar("doctor")
@pytest.mark.bar("R12", "R14", "3a-44", "S9")
@pytest.mark.parametrize("name", plant.names)
def test_a_planted_breach_is_found_by_its_invariant_alone(world, name):
    plant.shows(name, world)


def test_a_version_with_another_file_than_an_adapters_is_found(world):
    name = "a version names its weights by their sha256, and no file but an adapter's"
    for files in (
        {**world.version.files, "hook.py": "0" * 64},
        {WEIGHTS: world.version.adapter_sha256},
        {**world.version.files, WEIGHTS: "0" * 64},
        {},
    ):
        update(world.version, files=json.dumps(files))
        assert name in plant.found()


def test_one_changed_byte_of_stored_weights_is_found(world):
    path = store.folder_of(world.another_version().adapter_sha256) / WEIGHTS
    assert plant.found() == {}
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    (sentences,) = plant.found().values()
    assert "sha256 differs" in sentences[0]
