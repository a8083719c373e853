"""`evaluate DIR`: the answers and scores of every version, checked against the library's own generation."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.training.lm.tiny import make_adapter, make_row
from training.lm.base_folder import base_sha256
from training.lm.contract import ADAPTER_FILES, LEFT_OUT, Exit, State, read_status
from training.lm.evaluate import evaluate
from training.lm.files import read_lines, sha256_file
from training.lm.rows import Case
from training.lm.specs import Version, write_evaluate


@pytest.fixture(scope="module")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_adapter(base, tmp_path_factory.mktemp("adapters") / "a", seed=1)


def version(name: str, adapter: Path | None = None) -> Version:
    if adapter is None:
        return Version(name)
    return Version(name, str(adapter), {file: sha256_file(adapter / file) for file in ADAPTER_FILES})


def make_cases(**over: Any) -> list[Case]:
    """Prompts of very different lengths, so that batches are padded."""
    rows = [make_row(n, prompt=({"role": "user", "content": "what " * (n % 7) + "now?"},)) for n in range(20)]
    return [replace(Case(row.id, row.prompt, row.completion, "I do not know."), **over) for row in rows]


def evaluated(
    base: Path, folder: Path, cases: list[Case], versions: Sequence[Version], **over: Any
) -> list[dict[str, Any]]:
    write_evaluate(folder, base_model=str(base), base_sha256=base_sha256(base), versions=versions, cases=cases, **over)
    assert evaluate(folder) == Exit.SUCCEEDED
    return [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]


def generated(base: Path, adapter: Path | None, cases: list[Case], most: int) -> list[str]:
    """What the library itself answers, one case at a time, with the adapter beside the base instead of in it."""
    import torch

    from training.lm.adapter_files import read_adapter
    from training.lm.base_model import load_base, with_adapter
    from training.lm.tokens import load_tokenizer, prompt_ids

    tokenizer, model = load_tokenizer(base), load_base(base)
    asked: Any = with_adapter(model, read_adapter(adapter)) if adapter else model
    texts = []
    for case in cases:
        ids = torch.tensor([prompt_ids(tokenizer, case.messages)])
        out = asked.generate(input_ids=ids, max_new_tokens=most, do_sample=False)
        texts.append(tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True))
    return texts


def test_every_version_answers_every_case_as_the_library_would(base: Path, adapter: Path, tmp_path: Path):
    cases = make_cases()
    # the base again last: an adapter must leave no trace in it
    versions = [version("base"), version("v1", adapter), Version("again")]
    results = evaluated(base, tmp_path, cases, versions, max_new_tokens=12)
    assert [(row["version"], row["id"]) for row in results] == [(v.name, c.id) for v in versions for c in cases]
    outputs = [row["output"] for row in results]
    assert outputs[:20] == generated(base, None, cases, 12)
    assert outputs[20:40] == generated(base, adapter, cases, 12)
    assert results[40:] == [{**row, "version": "again"} for row in results[:20]]
    assert outputs[:20] != outputs[20:40]


def test_scores_are_mean_log_probabilities_of_the_whole_answer(base: Path, tmp_path: Path):
    import torch

    from training.lm.base_model import load_base
    from training.lm.tokens import encode, load_tokenizer

    cases = make_cases()[:6]
    results = evaluated(base, tmp_path, cases, [version("base")])
    model, tokenizer = load_base(base), load_tokenizer(base)
    for case, result in zip(cases, results, strict=True):
        for text, key in ((case.gold, "gold_logprob"), (case.rejected, "rejected_logprob")):
            assert text is not None
            example = encode(tokenizer, case.id, case.messages, text)
            with torch.inference_mode():
                logprobs = model(torch.tensor([example.ids])).logits[0, :-1].log_softmax(-1)
            learned = list(example.ids[example.prompt_tokens :])
            own = [logprobs[example.prompt_tokens - 1 + at, token].item() for at, token in enumerate(learned)]
            assert result[key] == pytest.approx(sum(own) / len(own), abs=1e-5)
        assert result["output_logprob"] < 0


def test_exact_means_equal_but_for_white_space_around(base: Path, tmp_path: Path):
    first = evaluated(base, tmp_path / "1", make_cases(), [version("base")], max_new_tokens=3)
    outputs = [row["output"].strip() for row in first]
    cases = [replace(case, gold=f" {out}\n" if out else "?") for case, out in zip(make_cases(), outputs, strict=True)]
    cases[1] = replace(cases[1], gold="something else")
    again = evaluated(base, tmp_path / "2", cases, [version("base")], max_new_tokens=3)
    assert [row["exact"] for row in again] == [bool(out) and n != 1 for n, out in enumerate(outputs)]


def test_without_gold_only_the_answer_is_given(base: Path, tmp_path: Path):
    (result,) = evaluated(base, tmp_path, [Case("c", make_row(1).prompt)], [version("base")], max_new_tokens=4)
    assert result["exact"] is result["gold_logprob"] is result["rejected_logprob"] is None
    assert isinstance(result["output"], str)


def test_progress_counts_answers(base: Path, adapter: Path, tmp_path: Path):
    evaluated(base, tmp_path, make_cases(), [version("base"), version("v1", adapter)], max_new_tokens=4)
    status = read_status(tmp_path)
    assert status is not None
    assert (status.state, status.step, status.max_steps) == (State.SUCCEEDED, 40, 40)


def refused(base: Path, folder: Path, cases: list[Case], versions: list[Version]) -> str:
    write_evaluate(folder, base_model=str(base), base_sha256=base_sha256(base), versions=versions, cases=cases)
    assert evaluate(folder) == Exit.REFUSED
    assert not (folder / "results.jsonl").exists()
    status = read_status(folder)
    assert status is not None
    return status.reason


def test_an_adapter_with_other_bytes_than_registered_is_refused(base: Path, adapter: Path, tmp_path: Path):
    changed = replace(version("v1", adapter), sha256={"adapter_model.safetensors": "0" * 64})
    assert "sha256 differs" in refused(base, tmp_path, make_cases(), [version("base"), changed])


def test_an_adapter_of_another_base_is_refused(base: Path, tmp_path: Path):
    from tests.training.lm.tiny import build_base

    wider = make_adapter(build_base(tmp_path / "wide", layers=3), tmp_path / "adapter", seed=1)
    reason = refused(base, tmp_path / "evaluation", make_cases(), [version("v1", wider)])
    assert "does not fit the base" in reason


def test_cases_without_room_for_their_answer_are_left_out_by_name_and_the_others_answered(base: Path, tmp_path: Path):
    cases = make_cases()
    endless = Case("endless", ({"role": "user", "content": "what now? " * 200},))
    talkative = Case("talkative", cases[0].messages, "It costs 3 dollars. " * 80)
    versions = [version("base"), version("again")]
    results = evaluated(base, tmp_path / "all", [endless, *cases, talkative], versions)
    assert results == evaluated(base, tmp_path / "fitting", cases, versions)
    left_out = list(read_lines(tmp_path / "all" / LEFT_OUT))
    assert [line["id"] for line in left_out] == ["endless", "talkative"]
    assert all("256 fit" in line["reason"] for line in left_out)
    status = read_status(tmp_path / "all")
    assert status is not None
    assert (status.step, status.max_steps) == (40, 40)
    assert "cases endless, talkative" in status.reason
    assert not list(read_lines(tmp_path / "fitting" / LEFT_OUT))


def test_a_rejected_answer_without_room_takes_no_case_with_it(base: Path, tmp_path: Path):
    (result,) = evaluated(base, tmp_path, [replace(make_cases()[0], rejected="No. " * 300)], [version("base")])
    assert result["rejected_logprob"] is None
    assert result["gold_logprob"] < 0


def test_a_case_that_the_chat_template_refuses_is_left_out(copied_base: Path, tmp_path: Path):
    template = (copied_base / "chat_template.jinja").read_text()
    (copied_base / "chat_template.jinja").write_text(
        "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system message here') }}{% endif %}" + template
    )
    asked = Case("told", ({"role": "system", "content": "Be kind."}, *make_cases()[0].messages))
    results = evaluated(copied_base, tmp_path / "evaluation", [*make_cases()[:2], asked], [version("base")])
    assert [row["id"] for row in results] == ["r0", "r1"]
    (line,) = read_lines(tmp_path / "evaluation" / LEFT_OUT)
    assert (line["id"], "no system message here" in line["reason"]) == ("told", True)


def test_cases_that_all_have_no_room_are_refused_by_their_ids(base: Path, tmp_path: Path):
    cases = [Case("endless", ({"role": "user", "content": "what now? " * 200},))]
    assert "case endless" in refused(base, tmp_path, cases, [version("base")])


def test_no_cases_are_refused(base: Path, tmp_path: Path):
    assert "no cases" in refused(base, tmp_path, [], [version("base")])


def test_a_cancel_leaves_no_results(base: Path, tmp_path: Path):
    sha256 = base_sha256(base)
    write_evaluate(tmp_path, base_model=str(base), base_sha256=sha256, versions=[version("base")], cases=make_cases())
    (tmp_path / "cancel").touch()
    assert evaluate(tmp_path) == Exit.CANCELLED
    assert not (tmp_path / "results.jsonl").exists()


def test_an_answer_stops_at_its_end_token_and_its_limit(base: Path):
    """Whatever is in the same batch: rows end at different steps and are dropped on the way."""
    from training.lm.base_model import load_base
    from training.lm.decode import Decoding

    model = load_base(base)
    prompts = [[5 + n, 9, 17][: 1 + n % 3] for n in range(12)]
    alone = []
    for prompt in prompts:
        single = Decoding(model, [prompt], [9], frozenset())
        alone.append([step.token for _ in range(9) for step in single.step()])
    ends = frozenset(tokens[3] for tokens in alone[:4])
    limits = [1 + n % 9 for n in range(12)]
    group, made = Decoding(model, prompts, limits, ends), {n: [] for n in range(12)}
    while steps := group.step():
        for step in steps:
            made[step.row].append(step.token)
    for number, tokens in enumerate(alone):
        end = next((at + 1 for at, token in enumerate(tokens) if token in ends), len(tokens))
        assert made[number] == tokens[: min(end, limits[number])]
