"""Programs under watch: real processes, small ones."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from django.conf import settings

from labelhub.management.children import LONGEST_PAUSE_S, Child, end_all
from labelhub.management.programs import addresses, programs

SLEEP = "import time; time.sleep(60)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
PARENT = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {SLEEP!r}]); time.sleep(60)"


@pytest.fixture
def child() -> Iterator[Callable[[str], Child]]:
    children: list[Child] = []

    def make(code: str) -> Child:
        children.append(Child("child", [sys.executable, "-c", code], {}))
        return children[-1]

    yield make
    end_all(children, within_s=0)


def wait_for(holds: Callable[[], object], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_what_dies_is_started_again_after_a_pause_that_grows(child):
    one = child("raise SystemExit(3)")
    pauses = []
    while len(pauses) < 3:
        if one.tend() and one.process is None:
            pauses.append(one.pause_s)
            one.not_before = 0
    assert pauses == sorted(pauses)
    assert pauses[0] < pauses[-1] <= LONGEST_PAUSE_S


def test_what_a_dead_child_leaves_in_its_group_is_ended(child):
    one = child(PARENT)
    one.tend()
    wait_for(lambda: psutil.Process(one.process.pid).children())
    [left] = psutil.Process(one.process.pid).children()
    one.process.kill()
    wait_for(one.tend)
    wait_for(lambda: not left.is_running() or left.status() == psutil.STATUS_ZOMBIE)


def test_ending_is_asked_for_and_then_done(child):
    willing, deaf = child(SLEEP), child(DEAF)
    for one in (willing, deaf):
        one.tend()
    time.sleep(1)
    end_all([willing, deaf], within_s=1)
    assert (willing.process.returncode, deaf.process.returncode) == (-15, -9)


def test_a_child_dies_with_a_parent_that_is_killed(tmp_path: Path):
    code = (
        "import sys, time; from labelhub.management.children import Child;"
        f"one = Child('one', [sys.executable, '-c', {SLEEP!r}], {{}}); one.start();"
        "print(one.process.pid, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code]
    parent = subprocess.Popen(command, cwd=settings.BASE_DIR, stdout=subprocess.PIPE, text=True)
    orphan = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    wait_for(lambda: not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE)


def test_free_ports_are_free_and_different():
    where = addresses("127.0.0.1", 0, inference=True)
    assert len({where.web, where.gateway, where.inference}) == 3
    assert addresses("127.0.0.1", 8000, inference=False).inference is None


def test_models_served_elsewhere_are_not_served_here(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LABELHUB_CHAT_URL", "http://models.example/v1")
    where = addresses("127.0.0.1", 8000, inference=True)
    assert [one.name for one in programs(where)] == ["web", "gateway", "default", "training"]


def test_everybody_is_told_where_our_models_are(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("LABELHUB_CHAT_URL", raising=False)
    monkeypatch.delenv("LABELHUB_EMBED_URL", raising=False)
    *others, inference = programs(addresses("127.0.0.1", 8000, inference=True))
    assert inference.name == "inference"
    for one in others:
        assert one.environment["LABELHUB_CHAT_URL"] == one.environment["LABELHUB_EMBED_URL"]
        assert one.environment["LABELHUB_CHAT_URL"] == "http://127.0.0.1:8002/v1"


def test_only_the_web_process_pools_connections():
    kinds = {one.name: one.environment["LABELHUB_PROCESS"] for one in programs(addresses("::1", 0, inference=False))}
    assert kinds == {"web": "web", "gateway": "gateway", "default": "worker", "training": "worker"}
    assert os.environ.get("LABELHUB_PROCESS", "command") == "command"


@pytest.mark.bar("R8")
@pytest.mark.parametrize("cluster", ["default", "training"])
def test_no_task_is_handed_out_again_while_it_may_still_wait_or_run(cluster: str):
    conf = settings.Q_CLUSTER | settings.Q_CLUSTER["ALT_CLUSTERS"].get(cluster, {})
    turns = 1 + -(-(conf["queue_limit"] + 1) // conf["workers"])
    assert conf["retry"] > conf["timeout"] * turns + 60
