"""Snapshots, runs and versions made directly, for tests that are about something else."""

import hashlib
import json
import secrets
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from labelhub.errors import Conflict
from labelhub.projects.models import Project
from labelhub.projects.rights import Role
from tests.factories import make_interaction, make_member
from training.datasets.base_model import base_sha256
from training.datasets.canonical import dataset_sha256, prompt_sha256, row_sha256
from training.datasets.models import DatasetSnapshot, SnapshotRow
from training.datasets.rows import as_rows
from training.evaluation.models import Case, CaseResult, Evaluation, Suite
from training.lm.adapter_files import CONFIG, WEIGHTS, LoraShape
from training.lm.recipes import QUICK
from training.lm.starter import world
from training.runs import store
from training.runs.models import ModelVersion, TrainingRun
from training.scope import next_number


@transaction.atomic
def make_snapshot(project: Project, *, rows: int = 3, **over: Any) -> DatasetSnapshot:
    """Rehearsal rows only, which need no label behind them."""
    number = next_number(DatasetSnapshot.objects.all(), project)
    snapshot = DatasetSnapshot.objects.create(**{"project": project, "number": number, "parameters": {}, **over})
    facts = list(world.FACTS)[:rows]
    for position, key in enumerate(facts, start=1):
        intent, item = world.split(key)
        prompt = world.ask(intent, item, world.corpus_frames(intent)[0])
        make_row(snapshot, position, prompt, world.answer(world.FACTS, intent, item))
    DatasetSnapshot.objects.filter(pk=snapshot.pk).update(content_sha256=dataset_sha256(as_rows(snapshot)))
    snapshot.refresh_from_db()
    return snapshot


def make_row(snapshot: DatasetSnapshot, position: int, prompt: str, completion: str, **over: Any) -> SnapshotRow:
    kind = over.pop("kind", "rehearsal")
    interaction = over.pop("interaction", None) or make_interaction(snapshot.project, prompt=prompt, output=completion)
    messages = [{"role": "user", "content": prompt}]
    return SnapshotRow.objects.create(
        **{
            "snapshot": snapshot, "position": position, "kind": kind, "messages": messages, "completion": completion,
            "row_sha256": row_sha256(kind, messages, completion), "prompt_sha256": prompt_sha256(messages),
            "interaction": interaction, "source": "version:base", **over,
        }
    )  # fmt: skip


@transaction.atomic
def make_run(project: Project, **over: Any) -> TrainingRun:
    number = next_number(TrainingRun.objects.all(), project)
    fields = {
        "project": project, "number": number, "recipe": QUICK.to_json(), "base_model": settings.LABELHUB_BASE_MODEL,
        "base_sha256": base_sha256(), "reason": "try", "token": secrets.token_hex(8), "max_steps": QUICK.max_steps,
        "folder": f"{project.slug}-run{number}-{secrets.token_hex(4)}", "state": "succeeded",
    }  # fmt: skip
    if "snapshot" not in over:
        over["snapshot"] = make_snapshot(project)
    if "launched_by" not in over:
        over["launched_by"] = make_member(project, Role.ADMIN)
    return TrainingRun.objects.create(**{**fields, **over})


def write_adapter(folder: Path, *, seed: int = 0, size: float = 0.0) -> None:
    """A well-formed LoRA adapter of the starter, of noise with this size: 0 answers like the base."""
    config = json.loads((Path(settings.LABELHUB_BASE_MODEL) / "config.json").read_text())
    hidden, rank = config["hidden_size"], 2
    noise = np.random.default_rng(seed)
    layers = range(config["num_hidden_layers"])
    names = [f"base_model.model.model.layers.{n}.self_attn.q_proj.lora_{side}.weight" for n in layers for side in "AB"]
    shapes = [(rank, hidden), (hidden, rank)] * len(layers)
    tensors = [noise.normal(size=shape).astype("<f4") * (size if i % 2 else 1.0) for i, shape in enumerate(shapes)]
    header: dict[str, Any] = {}
    at = 0
    for name, tensor in zip(names, tensors, strict=True):
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [at, at + tensor.nbytes]}
        at += tensor.nbytes
    raw = json.dumps(header).encode()
    raw += b" " * (-len(raw) % 8)
    folder.mkdir(parents=True, exist_ok=True)
    body = b"".join(tensor.astype("<f4").tobytes() for tensor in tensors)
    (folder / WEIGHTS).write_bytes(len(raw).to_bytes(8, "little") + raw + body)
    (folder / CONFIG).write_text(json.dumps(LoraShape(rank, 4, 0.0, ("q_proj",)).to_json()))


def _put_whole(source: Path) -> dict[str, str]:
    """Into the store, which outlives a test: where an earlier one has damaged the same adapter, this one is put anew."""
    try:
        return store.put(source)
    except Conflict:
        shutil.rmtree(store.folder_of(store.hashes(source)[WEIGHTS]))
        return store.put(source)


@transaction.atomic
def make_version(project: Project, *, seed: int = 0, size: float = 0.0, **over: Any) -> ModelVersion:
    """A version whose files stand in the store; `seed` makes other weights."""
    number = next_number(ModelVersion.objects.all(), project)
    aside = Path(settings.DATA_DIR) / f"aside-{secrets.token_hex(4)}"
    write_adapter(aside, seed=seed, size=size)
    files = _put_whole(aside)
    shutil.rmtree(aside)
    run = over.pop("run", None) or make_run(project)
    manifest = hashlib.sha256(str(number).encode()).hexdigest()
    return ModelVersion.objects.create(
        **{
            "project": project, "number": number, "run": run, "adapter_sha256": files[WEIGHTS], "files": files,
            "manifest_sha256": manifest, **over,
        }
    )  # fmt: skip


def make_case(suite: Suite, prompt: str, gold: str, **over: Any) -> Case:
    messages = [{"role": "user", "content": prompt}]
    key = prompt_sha256(messages)
    return Case.objects.create(**{"suite": suite, "messages": messages, "gold": gold, "prompt_sha256": key, **over})


def make_suite(project: Project, kind: str) -> Suite:
    return Suite.objects.get_or_create(project=project, slug=kind, defaults={"name": kind, "kind": kind})[0]


def make_evaluation(version: ModelVersion, *, held_out: tuple[int, int, int] = (60, 10, 55),
                    siblings: tuple[int, int, int] = (40, 40, 40), **over: Any) -> Evaluation:  # fmt: skip
    """One that succeeded. Figures as (cases, right before, right after)."""
    evaluation = Evaluation.objects.create(
        **{"project": version.project, "version": version, "state": "succeeded", "finished_at": Now(), **over}
    )
    for kind, slice_, (n, before, after) in (("heldout", "corrected", held_out), ("regression", "sibling", siblings)):
        suite = make_suite(version.project, kind)
        for i in range(n):
            prompt = f"{kind} {i}?"
            case = (
                suite.cases.asked().filter(prompt_sha256=prompt_sha256([{"role": "user", "content": prompt}])).first()
            )
            CaseResult.objects.create(
                evaluation=evaluation, case=case or make_case(suite, prompt, "gold"), slice=slice_, seen=False,
                before_exact=i < before, after_exact=i < after, before_output="b", after_output="a",
            )  # fmt: skip
    return evaluation
