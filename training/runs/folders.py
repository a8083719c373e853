"""The folder of a run, written from the database: what the trainer gets to see."""

from pathlib import Path

from django.conf import settings

from labelhub.errors import Conflict, ensure
from training.datasets.base_model import base_folder
from training.datasets.canonical import dataset_sha256
from training.datasets.rows import as_rows, rows_to_watch
from training.lm.contract import SPEC
from training.lm.recipes import Recipe
from training.lm.specs import write_run
from training.runs import store
from training.runs.models import TrainingRun


def run_folder(run: TrainingRun) -> Path:
    return Path(settings.DATA_DIR) / "runs" / run.folder


def prepare(run: TrainingRun) -> Path:
    """Write spec and rows unless they are there. Raises Conflict when the snapshot's rows are not what they were.

    Nothing is written before that was looked at: the next supervisor believes a spec that it finds.
    """
    folder = run_folder(run)
    if (folder / SPEC).exists():
        return folder
    rows = as_rows(run.snapshot)
    ensure(
        dataset_sha256(rows) == run.snapshot.content_sha256,
        Conflict(f"The rows of {run.snapshot} were changed after it was made: their hash differs."),
    )
    recipe = Recipe.from_json(run.recipe)
    write_run(
        folder,
        base_model=str(base_folder()),
        base_sha256=run.base_sha256,
        recipe=recipe,
        seed=run.seed,
        rows=rows,
        eval_rows=rows_to_watch(run.snapshot, max_length=recipe.max_length),
        continue_from=str(store.verified(run.parent)) if run.parent else None,
    )
    return folder
