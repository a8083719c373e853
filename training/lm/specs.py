"""What goes into a folder: the spec and its rows, built by one side and checked by the other.

Standard library only: the web process builds folders with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from training.lm.contract import SPEC
from training.lm.files import Refused, read_json, sha256_bytes, to_lines, write_json, write_whole
from training.lm.recipes import BadRecipe, Recipe
from training.lm.rows import Case, Row

SCHEMA = 1
HEX = re.compile(r"[0-9a-f]{64}")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RunSpec:
    """One fine-tune. `continue_from`: the folder of an adapter to go on from, or None for a fresh one."""

    base_model: str
    base_sha256: str
    recipe: Recipe
    dataset_sha256: str
    seed: int = 0
    method: str = "sft"
    continue_from: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {"schema": SCHEMA, "kind": "run", **asdict(self), "recipe": self.recipe.to_json()}


@dataclass(frozen=True, slots=True)
class CountSpec:
    """Count the tokens of rows with the base's own tokenizer and template."""

    base_model: str
    max_length: int

    def to_json(self) -> dict[str, Any]:
        return {"schema": SCHEMA, "kind": "count", **asdict(self)}


@dataclass(frozen=True, slots=True)
class Version:
    """What answers in an evaluation: the base (`adapter` None) or an adapter with these hashes."""

    name: str
    adapter: str | None = None
    sha256: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        plain = {"name": self.name, "adapter": self.adapter}
        return plain if self.adapter is None else {**plain, "sha256": self.sha256}


@dataclass(frozen=True, slots=True)
class EvaluateSpec:
    """Every case answered by every version."""

    base_model: str
    base_sha256: str
    versions: tuple[Version, ...]
    max_new_tokens: int = 64
    threads: int = 1

    def to_json(self) -> dict[str, Any]:
        versions = [version.to_json() for version in self.versions]
        return {"schema": SCHEMA, "kind": "evaluate", **asdict(self), "versions": versions}


def write_run(
    folder: Path,
    *,
    base_model: str,
    base_sha256: str,
    recipe: Recipe,
    seed: int,
    rows: Iterable[Row],
    eval_rows: Iterable[Row] = (),
    continue_from: str | None = None,
) -> RunSpec:
    """Makes the folder of a run, ready for `python -m training.lm run FOLDER`; the spec is written last."""
    folder.mkdir(parents=True, exist_ok=True)
    train = to_lines(row.to_json() for row in rows)
    write_whole(folder / "train.jsonl", train)
    write_whole(folder / "eval.jsonl", to_lines(row.to_json() for row in eval_rows))
    dataset = sha256_bytes(train.encode())
    spec = RunSpec(base_model, base_sha256, recipe, dataset, seed, continue_from=continue_from)
    write_json(folder / SPEC, spec.to_json())
    return spec


def write_count(folder: Path, *, base_model: str, max_length: int, rows: Iterable[Row]) -> CountSpec:
    """Makes a folder for `python -m training.lm count FOLDER`."""
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "rows.jsonl", to_lines(row.to_json() for row in rows))
    spec = CountSpec(base_model, max_length)
    write_json(folder / SPEC, spec.to_json())
    return spec


def write_evaluate(
    folder: Path,
    *,
    base_model: str,
    base_sha256: str,
    versions: Sequence[Version],
    cases: Iterable[Case],
    max_new_tokens: int = 64,
) -> EvaluateSpec:
    """Makes a folder for `python -m training.lm evaluate FOLDER`."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ({**asdict(case), "messages": list(case.messages)} for case in cases)
    write_whole(folder / "cases.jsonl", to_lines(lines))
    spec = EvaluateSpec(base_model, base_sha256, tuple(versions), max_new_tokens)
    write_json(folder / SPEC, spec.to_json())
    return spec


def read_run(folder: Path) -> RunSpec:
    """Raises Refused for a spec that is not exactly a run's."""
    data = _spec(folder, "run", RunSpec)
    try:
        data["recipe"] = Recipe.from_json(data.get("recipe"))
    except BadRecipe as error:
        raise Refused(f"the recipe cannot be used: {error}") from None
    spec = _built(RunSpec, data)
    if spec.method != "sft":
        raise Refused(f'method must be "sft", not {spec.method!r}')
    _whole("seed", spec.seed, 0, 2**32 - 1)
    _texts(base_model=spec.base_model)
    _hashes(base_sha256=spec.base_sha256, dataset_sha256=spec.dataset_sha256)
    if spec.continue_from is not None:
        _texts(continue_from=spec.continue_from)
    return spec


def read_count(folder: Path) -> CountSpec:
    """Raises Refused for a spec that is not exactly a count's."""
    spec = _built(CountSpec, _spec(folder, "count", CountSpec))
    _texts(base_model=spec.base_model)
    _whole("max_length", spec.max_length, 1, 1_000_000)
    return spec


def read_evaluate(folder: Path) -> EvaluateSpec:
    """Raises Refused for a spec that is not exactly an evaluation's."""
    data = _spec(folder, "evaluate", EvaluateSpec)
    versions = data.get("versions")
    if not isinstance(versions, list) or not versions:
        raise Refused("versions must name at least one version")
    data["versions"] = tuple(map(_version, versions))
    spec = _built(EvaluateSpec, data)
    _texts(base_model=spec.base_model)
    _hashes(base_sha256=spec.base_sha256)
    _whole("max_new_tokens", spec.max_new_tokens, 1, 100_000)
    _whole("threads", spec.threads, 1, 256)
    if len({version.name for version in spec.versions}) < len(spec.versions):
        raise Refused("two versions have the same name")
    return spec


def _version(data: object) -> Version:
    if not isinstance(data, dict) or not isinstance(data.get("name"), str) or not data["name"]:
        raise Refused("each version is an object with a name")
    version = _built(Version, data)
    if version.adapter is not None:
        _texts(adapter=version.adapter)
        if not isinstance(version.sha256, dict) or not version.sha256:
            raise Refused(f"version {version.name}: the sha256 of its files must be given")
        _hashes(**version.sha256)
    return version


def _spec(folder: Path, kind: str, shape: type) -> dict[str, Any]:
    data = read_json(folder / SPEC)
    if not isinstance(data, dict) or data.get("schema") != SCHEMA or data.get("kind") != kind:
        raise Refused(f'{SPEC} must be an object with "schema": {SCHEMA} and "kind": "{kind}"')
    rest = {key: value for key, value in data.items() if key not in ("schema", "kind")}
    unknown = sorted(set(rest) - set(shape.__dataclass_fields__))  # type: ignore[attr-defined]
    if unknown:
        raise Refused(f"{SPEC} has unknown settings: {', '.join(unknown)}")
    return rest


def _built(shape: type[T], data: dict[str, Any]) -> T:
    try:
        return shape(**data)
    except TypeError as error:
        raise Refused(f"{SPEC} is incomplete: {error}") from None


def _texts(**values: object) -> None:
    for name, value in values.items():
        if not isinstance(value, str) or not value or "\0" in value:
            raise Refused(f"{name} must be a text, not {value!r}")


def _hashes(**values: object) -> None:
    for name, value in values.items():
        if not isinstance(value, str) or not HEX.fullmatch(value):
            raise Refused(f"{name} must be a sha256 in small hexadecimal letters")


def _whole(name: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise Refused(f"{name} must be a whole number from {low} to {high}, not {value!r}")
