"""Launching real runs and following them: which processes look after them, how far they have come."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from labelhub.projects.models import Project
from labelhub.projects.rights import Role
from tests.factories import make_member, make_project
from tests.training.makers import make_case, make_snapshot, make_suite
from training.evaluation.models import Evaluation
from training.lm.recipes import QUICK, Recipe
from training.runs.actions import launch
from training.runs.models import TrainingRun
from training.runs.runners.local import works_in

RECIPE = replace(
    QUICK, name="short", max_steps=30, batch_size=8, warmup_steps=1, save_steps=3, eval_steps=30, max_length=128
)
STUCK_S = 60


def start(project: Project | None = None, *, recipe: Recipe = RECIPE, token: str = "t") -> TrainingRun:
    project = project or make_project()
    suite = make_suite(project, "heldout")
    for n in range(0 if suite.cases.exists() else 3):
        make_case(suite, f"How heavy is thing number {n}?", "It weighs 2 kg.")
    admin = make_member(project, Role.ADMIN)
    return launch(project, snapshot=make_snapshot(project, rows=12), recipe=recipe, by=admin, reason="try", token=token)


def supervisors(kind: str, pk: int) -> list[int]:
    """Processes that look after the row, by their command line."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if "supervise" in words and words[words.index("supervise") + 1] == str(pk) and kind in words:
            found.append(int(folder.name))
    return found


def trainers(folder: Path) -> list[int]:
    pids = [int(one.name) for one in Path("/proc").glob("[0-9]*")]
    return [pid for pid in pids if works_in(pid, folder)]


def carry_on(run_jobs: Callable[..., int], until: Callable[[], object], seconds: float) -> object:
    """Be the training worker until `until` holds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        run_jobs()
        if result := until():
            return result
        time.sleep(0.1)
    rows = list(TrainingRun.objects.values("state", "failure", "attempt", "fence", "step"))
    raise AssertionError(
        f"not within {seconds} s: {rows} {list(Evaluation.objects.values('state', 'failure', 'fence'))}"
    )


def progress_of(run: TrainingRun) -> float:
    """0 while it starts, steps while it trains, beyond when it has ended."""
    run.refresh_from_db()
    return RECIPE.max_steps + 1 if not run.is_active else run.step
