"""The demo's own site: whom a second demo ends."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from training.loop.demo.site import stop_earlier

Sleeper = Callable[[Path], "subprocess.Popen[bytes]"]


@pytest.fixture
def sleeper() -> Iterator[Sleeper]:
    """sleeper(folder): a process whose data folder that is."""
    started = []

    def start(folder: Path) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"]
        environment = {**os.environ, "LABELHUB_DATA_DIR": str(folder)}
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
        assert process.stdout
        process.stdout.readline()
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_an_earlier_demo_is_ended(tmp_path: Path, sleeper: Sleeper) -> None:
    earlier = sleeper(tmp_path)
    (tmp_path / "up.json").write_text(json.dumps({"pid": earlier.pid}))
    stop_earlier(tmp_path)
    assert earlier.wait(5) == -15


def test_an_earlier_demo_that_ends_by_itself_meanwhile_stops_nobody(
    tmp_path: Path, sleeper: Sleeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier, kill = sleeper(tmp_path), os.kill
    (tmp_path / "up.json").write_text(json.dumps({"pid": earlier.pid}))

    def too_late(pid: int, number: int) -> None:
        kill(pid, 9)
        earlier.wait(5)
        kill(pid, number)

    monkeypatch.setattr(os, "kill", too_late)
    stop_earlier(tmp_path)
    assert earlier.poll() == -9


def test_a_stranger_who_got_its_number_is_left_alone(tmp_path: Path, sleeper: Sleeper) -> None:
    stranger = sleeper(tmp_path / "elsewhere")
    (tmp_path / "up.json").write_text(json.dumps({"pid": stranger.pid}))
    stop_earlier(tmp_path)
    assert stranger.poll() is None


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"pid": "x"}'])
def test_what_is_no_note_of_a_site_ends_nobody(tmp_path: Path, text: str) -> None:
    (tmp_path / "up.json").write_text(text)
    stop_earlier(tmp_path)
