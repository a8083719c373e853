"""What goes into a folder: built by one side, checked by the other."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.training.lm.tiny import SHORT, make_row, make_rows
from training.lm.contract import State, Status, read_metrics, read_status, write_status
from training.lm.files import Refused, write_json
from training.lm.rows import Case, read_cases, read_rows, refuse_too_few
from training.lm.specs import Version, read_count, read_evaluate, read_run, write_count, write_evaluate, write_run

SHA = "0" * 64


def run_spec(folder: Path, **over: Any) -> Path:
    spec = write_run(folder, base_model="/base", base_sha256=SHA, recipe=SHORT, seed=1, rows=make_rows())
    write_json(folder / "spec.json", {**spec.to_json(), **over})
    return folder


def test_a_written_run_reads_back(tmp_path: Path):
    spec = write_run(
        tmp_path, base_model="/base", base_sha256=SHA, recipe=SHORT, seed=1, rows=make_rows(), continue_from="/adapter"
    )
    assert read_run(tmp_path) == spec
    assert read_rows(tmp_path / "train.jsonl") == make_rows()


def test_a_written_count_reads_back(tmp_path: Path):
    assert write_count(tmp_path, base_model="/base", max_length=9, rows=make_rows()) == read_count(tmp_path)


def test_a_written_evaluation_reads_back(tmp_path: Path):
    versions = [Version("base"), Version("v1", "/adapter", {"adapter_config.json": SHA})]
    cases = [Case("c", make_row(1).prompt, "gold", None)]
    spec = write_evaluate(tmp_path, base_model="/base", base_sha256=SHA, versions=versions, cases=cases)
    assert read_evaluate(tmp_path) == spec
    assert read_cases(tmp_path / "cases.jsonl") == cases


@pytest.mark.parametrize(
    ("over", "says"),
    [
        ({"schema": 2}, "schema"),
        ({"kind": "count"}, "kind"),
        ({"method": "dpo"}, "method"),
        ({"seed": -1}, "seed"),
        ({"seed": True}, "seed"),
        ({"base_sha256": "abc"}, "base_sha256"),
        ({"dataset_sha256": SHA.upper() + "G"}, "dataset_sha256"),
        ({"base_model": ""}, "base_model"),
        ({"continue_from": 3}, "continue_from"),
        ({"recipe": {"max_steps": -1}}, "max_steps"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_bad_spec_is_refused_by_the_name_of_what_is_wrong(tmp_path: Path, over: dict[str, Any], says: str):
    with pytest.raises(Refused, match=says):
        read_run(run_spec(tmp_path, **over))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": NaN}', "\0", "[" * 100_000])
def test_a_spec_that_is_no_json_object_is_refused(tmp_path: Path, text: str):
    (tmp_path / "spec.json").write_text(text)
    with pytest.raises(Refused):
        read_run(tmp_path)


@pytest.mark.parametrize(
    ("over", "says"),
    [
        ({"id": ""}, "id"),
        ({"id": 3}, "id"),
        ({"kind": "other"}, "kind"),
        ({"completion": None}, "completion"),
        ({"completion": " \n"}, "empty completion in row r0"),
        ({"prompt": []}, "row r0"),
        ({"prompt": [{"role": "robot", "content": "x"}]}, "role"),
        ({"prompt": [{"role": "user", "content": None}]}, "content"),
        ({"prompt": [{"role": "assistant", "content": "x"}]}, "last message"),
    ],
)
def test_a_bad_row_is_refused_by_its_id(tmp_path: Path, over: dict[str, Any], says: str):
    (tmp_path / "train.jsonl").write_text(json.dumps({**make_row(0).to_json(), **over}) + "\n")
    with pytest.raises(Refused, match=says):
        read_rows(tmp_path / "train.jsonl")


def test_an_id_that_is_there_twice_is_refused(tmp_path: Path):
    line = json.dumps(make_row(0).to_json()) + "\n"
    (tmp_path / "train.jsonl").write_text(line + line)
    with pytest.raises(Refused, match="r0 is there twice"):
        read_rows(tmp_path / "train.jsonl")


@pytest.mark.bar("3a-41")
@pytest.mark.parametrize("rows", [[], [make_row(1)], [make_row(1), make_row(1, "good", id="other")]])
def test_none_one_or_only_equal_examples_are_refused(rows: list[Any]):
    with pytest.raises(Refused, match=r"no rows|one distinct"):
        refuse_too_few(rows)


def test_a_status_reads_back_and_is_stamped(tmp_path: Path):
    assert read_status(tmp_path) is None
    written = write_status(tmp_path, Status(State.RUNNING, step=3, max_steps=9))
    assert read_status(tmp_path) == written
    assert written.pid
    assert written.started_at == written.updated_at  # one moment, not two readings of the clock
    later = write_status(tmp_path, replace(written, step=4))
    assert (later.started_at, later.updated_at >= written.started_at) == (written.started_at, True)


def test_metrics_leave_out_a_line_that_is_still_being_written(tmp_path: Path):
    (tmp_path / "metrics.jsonl").write_text('{"step": 1}\n{"step": 2}\n{"step": 3, "lo')
    assert [row["step"] for row in read_metrics(tmp_path)] == [1, 2]
    assert [row["step"] for row in read_metrics(tmp_path, after_step=1)] == [2]
