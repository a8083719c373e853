"""`evaluate DIR`: every case answered and scored by every version, the base among them if asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.lm.adapter_files import AdapterFiles, read_adapter
from training.lm.base_folder import check_base
from training.lm.contract import Exit, State, Status, read_status, write_status
from training.lm.files import Refused, to_lines, write_whole
from training.lm.rows import Case, name_ids, read_cases
from training.lm.specs import EvaluateSpec, read_evaluate
from training.lm.work import Stop, perform

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from training.lm.tokens import Tokenizer

RESULTS = "results.jsonl"


def evaluate(folder: Path) -> Exit:
    """Writes `results.jsonl` (by version, in the cases' order) once all is done. Raises Busy."""
    return perform(folder, _evaluate)


@dataclass
class _Work:
    """What stays the same from version to version."""

    folder: Path
    stop: Stop
    status: Status
    tokenizer: Tokenizer
    cases: list[Case]
    prompts: list[list[int]]
    max_new_tokens: int
    longest: int

    def advance(self, steps: int, tokens: int = 0) -> None:
        self.stop.check()
        status = replace(self.status, step=self.status.step + steps, tokens=self.status.tokens + tokens)
        self.status = write_status(self.folder, status)


def _evaluate(folder: Path, stop: Stop) -> Status:
    (folder / RESULTS).unlink(missing_ok=True)
    spec, cases = read_evaluate(folder), read_cases(folder / "cases.jsonl")
    if not cases:
        raise Refused("there are no cases to evaluate")
    check_base(Path(spec.base_model), spec.base_sha256)
    adapters = {v.name: read_adapter(Path(v.adapter), v.sha256) if v.adapter else None for v in spec.versions}
    work, base = _prepared(folder, stop, spec, cases)
    lines = "".join(to_lines(_results(work, base, name, files)) for name, files in adapters.items())
    write_whole(folder / RESULTS, lines)
    return replace(work.status, state=State.SUCCEEDED)


def _prepared(folder: Path, stop: Stop, spec: EvaluateSpec, cases: list[Case]) -> tuple[_Work, PreTrainedModel]:
    import torch

    from training.lm.base_model import load_base, longest
    from training.lm.tokens import load_tokenizer, prompt_ids

    torch.set_num_threads(spec.threads)
    tokenizer, base = load_tokenizer(Path(spec.base_model)), load_base(Path(spec.base_model))
    prompts = [prompt_ids(tokenizer, case.messages) for case in cases]
    room = longest(base)
    too_long = [case.id for case, ids in zip(cases, prompts, strict=True) if len(ids) >= room]
    if too_long:
        raise Refused(f"no room for an answer in {room} tokens: {name_ids(too_long, noun='case')}")
    status = read_status(folder) or Status(State.STARTING)
    status = replace(status, state=State.RUNNING, max_steps=len(cases) * len(spec.versions))
    return _Work(folder, stop, status, tokenizer, cases, prompts, spec.max_new_tokens, room), base


def _results(work: _Work, base: PreTrainedModel, name: str, files: AdapterFiles | None) -> list[dict[str, Any]]:
    from training.lm.base_model import merged_copy

    model = base if files is None else merged_copy(base, files)
    answers = _answers(work, model)
    gold = _scores(work, model, [case.gold for case in work.cases])
    rejected = _scores(work, model, [case.rejected for case in work.cases])
    return [
        {
            "id": case.id,
            "version": name,
            "output": output,
            "exact": None if case.gold is None else output.strip() == case.gold.strip(),
            "gold_logprob": gold[index],
            "rejected_logprob": rejected[index],
            "output_logprob": logprob,
        }
        for index, (case, (output, logprob)) in enumerate(zip(work.cases, answers, strict=True))
    ]


def _answers(work: _Work, model: PreTrainedModel) -> list[tuple[str, float]]:
    from training.lm.decode import answer_all, end_tokens

    answers: list[tuple[str, float]] = [("", 0.0)] * len(work.prompts)
    ends = end_tokens(model, work.tokenizer)
    for batch in answer_all(model, work.prompts, work.max_new_tokens, ends, longest=work.longest):
        for index, answer in batch:
            text = str(work.tokenizer.decode(list(answer.tokens), skip_special_tokens=True))
            answers[index] = (text, answer.logprob)
        work.advance(len(batch), sum(len(answer.tokens) for _, answer in batch))
    return answers


def _scores(work: _Work, model: PreTrainedModel, texts: list[str | None]) -> list[float | None]:
    """Mean log-probability of each text as the answer to its case; None where there is none or no room."""
    from training.lm.decode import mean_logprobs
    from training.lm.tokens import encode

    scores: list[float | None] = [None] * len(texts)
    wanted = [(index, text) for index, text in enumerate(texts) if text is not None]
    examples = [encode(work.tokenizer, work.cases[at].id, work.cases[at].messages, text) for at, text in wanted]
    fitting = [(at, e) for (at, _), e in zip(wanted, examples, strict=True) if len(e.ids) <= work.longest]
    means = mean_logprobs(model, [example for _, example in fitting])
    for (index, _), mean in zip(fitting, means, strict=True):
        scores[index] = mean
    return scores
