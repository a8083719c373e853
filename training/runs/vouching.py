"""Whether what a run left in its folder is what it was asked for. Every hash is taken anew; nothing is written."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from training.lm.contract import SPEC
from training.lm.files import sha256_file
from training.lm.specs import read_run
from training.runs.models import TrainingRun


def breaches(run: TrainingRun, folder: Path, manifest: Mapping[str, str], files: Mapping[str, str]) -> Iterator[str]:
    """Every link from the adapter's `files` {name: sha256} to the run's rows and base that does not hold, in words.

    `manifest`: as `read_manifest` gave it, so its files are what it says; what it leaves out, it does not vouch for.
    Raises Refused when the spec cannot be read.
    """
    spec, rows = read_run(folder), run.snapshot.content_sha256
    links = [
        *((f"the manifest vouches for {name}", manifest.get(f"adapter/{name}"), files[name]) for name in sorted(files)),
        (f"the manifest vouches for {SPEC}", manifest.get(SPEC), sha256_file(folder / SPEC)),
        ("train.jsonl holds the rows of the snapshot", manifest.get("train.jsonl"), rows),
        ("the run was asked to train on these rows", spec.dataset_sha256, rows),
        ("the run was asked to train on this base", spec.base_sha256, run.base_sha256),
    ]
    for claim, found, wanted in links:
        if found != wanted:
            yield f"it does not hold that {claim}: {found} is not {wanted}"
