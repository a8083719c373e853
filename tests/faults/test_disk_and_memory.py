"""A run whose disk is full or whose memory does not suffice fails in words, and harms nothing."""

import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from labelhub.projects.models import Project
from labelhub.projects.rights import Role
from tests.factories import make_member, make_project
from tests.faults.clean import breached, check_nothing_new
from tests.faults.runs import STUCK_S, carry_on, start, supervisors
from tests.training.makers import make_evaluation, make_run, make_version
from tests.training.servers import adapters_folder, models, processes, server_url  # noqa: F401
from training.registry.actions import promote, report
from training.registry.live import live_version
from training.runs import store
from training.runs.folders import run_folder
from training.runs.models import ModelVersion, TrainingRun

pytestmark = [pytest.mark.usefixtures("processes")]
TRAINED_S = 120
ROOMY = 64 << 20  # bytes


@pytest.fixture
def data(tmp_path: Path, processes: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:  # noqa: F811
    """A data folder whose runs and whose adapters have a small disk each; only root may make one."""
    mounted = []
    for name in ("runs", "adapters"):
        place = tmp_path / name
        place.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOMY}", "tmpfs", place], check=False).returncode:
            pytest.skip("mounting a small file system is not allowed here")
        mounted.append(place)
    settings.DATA_DIR = tmp_path
    monkeypatch.setenv("LABELHUB_DATA_DIR", str(tmp_path))
    yield tmp_path
    for place in mounted:
        subprocess.run(["umount", "--lazy", place], check=True)


@pytest.fixture
def live(data: Path) -> ModelVersion:
    """A version that is in production."""
    project = make_project()
    version = make_version(project, run=make_run(project))
    report(make_evaluation(version))
    promote(version, slot="production", by=make_member(project, Role.ADMIN))
    return version


def fill(disk: Path, *, leave: int) -> Path:
    ballast = disk / "ballast"
    ballast.write_bytes(b"\0" * (shutil.disk_usage(disk).free - leave))
    return ballast


def end_of(run: TrainingRun, run_jobs: Callable[..., int]) -> TrainingRun:
    carry_on(run_jobs, lambda: not TrainingRun.objects.active().filter(pk=run.pk).exists(), TRAINED_S)
    run.refresh_from_db()
    return run


def check_no_harm(run: TrainingRun, live: ModelVersion) -> None:
    """Nothing of the run is registered or left half-made, and what was live is as it was."""
    assert not ModelVersion.objects.filter(run=run).exists()
    assert live_version(live.project) == live
    store.verified(live)
    assert [place.name for place in store.root().iterdir() if place.is_dir()] == [live.adapter_sha256]
    folder = run_folder(run)
    assert not (folder / ".adapter").exists()
    assert list(folder.rglob("*.tmp")) == []
    assert all((path / "COMPLETE.json").exists() for path in folder.glob("checkpoints/checkpoint-*"))


def next_one_is_fine(project: Project, run_jobs: Callable[..., int]) -> None:
    run = end_of(start(project, token="next"), run_jobs)
    assert (run.state, run.failure) == ("succeeded", "")
    assert ModelVersion.objects.filter(run=run).count() == 1


@pytest.mark.bar("R13")
def test_a_full_disk_fails_the_run_in_words_and_the_next_one_is_fine_once_there_is_space(
    data: Path, live: ModelVersion, run_jobs, count
):
    """No room for a checkpoint, in the store, for the rows, for a byte. It is not tried for ever."""
    known = breached()
    cases = [("runs", 900_000), ("adapters", 20_000), ("runs", 100_000), ("runs", 0)]
    for number, (disk, leave) in enumerate(cases[: count(2, 4)]):
        ballast = fill(data / disk, leave=leave)
        run = end_of(start(live.project, token=f"full {number}"), run_jobs)
        print(f"{disk}, {leave} bytes left: {run.state} in attempt {run.attempt}: {run.failure}")
        assert (run.state, run.failure) == ("failed", "The disk is full: free some space and start again.")
        assert run.attempt <= TrainingRun.MOST_ATTEMPTS
        check_no_harm(run, live)
        ballast.unlink()
    next_one_is_fine(live.project, run_jobs)
    check_nothing_new(known)


@pytest.mark.bar("R13")
def test_a_run_without_memory_fails_in_words_and_the_next_one_is_fine(live: ModelVersion, run_jobs):
    run = start(live.project)
    known = breached()
    few = 1 << 30  # bytes of address space: torch alone asks for more
    for pid in carry_on(run_jobs, lambda: supervisors("run", run.pk), STUCK_S):
        resource.prlimit(pid, resource.RLIMIT_AS, (few, few))
    run = end_of(run, run_jobs)
    print(f"{run.state} in attempt {run.attempt}: {run.failure}")
    assert run.state == "failed"
    assert "memory" in run.failure
    assert run.attempt <= TrainingRun.MOST_ATTEMPTS
    check_no_harm(run, live)
    next_one_is_fine(live.project, run_jobs)
    check_nothing_new(known)
