"""Processes of one test run share no adapters: they make the same ones, and some tests damage theirs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(__file__).resolve().parents[2]
SHOW = "import sys, tests.conftest as c; from django.conf import settings; print(settings.DATA_DIR, c.OWN_DATA)"


def folders(**environment: str) -> list[str]:
    """Where a process of a run keeps its files, and what it removes in the end."""
    unwanted = {"PYTEST_XDIST_WORKER", "LABELHUB_DATA_DIR"}
    inherited = {key: value for key, value in os.environ.items() if key not in unwanted}
    command = [sys.executable, "-c", SHOW]
    done = subprocess.run(command, env=inherited | environment, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.parametrize("worker", ["gw0", "gw1"])
def test_each_worker_has_a_folder_of_its_own_below_that_of_the_run(tmp_path: Path, worker: str) -> None:
    own = str(tmp_path / worker)
    assert folders(LABELHUB_DATA_DIR=str(tmp_path), PYTEST_XDIST_WORKER=worker) == [own, own]
    assert Path(own).is_dir()


def test_a_folder_that_was_given_is_not_removed(tmp_path: Path) -> None:
    assert folders(LABELHUB_DATA_DIR=str(tmp_path)) == [str(tmp_path), "None"]


def test_this_process_is_one_of_them() -> None:
    assert Path(settings.DATA_DIR).name.startswith(os.environ.get("PYTEST_XDIST_WORKER", "labelhub-tests-"))
