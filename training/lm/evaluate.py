"""`evaluate DIR`: every case answered and scored by every version, the base among them if asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.lm.adapter_files import AdapterFiles, read_adapter
from training.lm.base_folder import check_base
from training.lm.contract import LEFT_OUT, Exit, State, Status, read_status, write_status
from training.lm.files import Refused, to_lines, write_whole
from training.lm.rows import Case, name_ids, read_cases
from training.lm.specs import EvaluateSpec, read_evaluate
from training.lm.work import Stop, perform

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from training.lm.tokens import Example, Tokenizer

RESULTS = "results.jsonl"


def evaluate(folder: Path) -> Exit:
    """Writes `results.jsonl` (by version, in the cases' order) once all is done. Raises Busy.

    Cases that this base cannot be asked are left out of them, each with its reason in `left_out.jsonl`.
    """
    return perform(folder, _evaluate)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A case in the base's own tokens. None where there is no such answer; `rejected` also where it has no room."""

    case: Case
    prompt: list[int]
    gold: Example | None
    rejected: Example | None


@dataclass
class _Work:
    """What stays the same from version to version."""

    folder: Path
    stop: Stop
    status: Status
    tokenizer: Tokenizer
    asked: list[_Asked]
    max_new_tokens: int
    longest: int

    def advance(self, steps: int, tokens: int = 0) -> None:
        self.stop.check()
        status = replace(self.status, step=self.status.step + steps, tokens=self.status.tokens + tokens)
        self.status = write_status(self.folder, status)


def _evaluate(folder: Path, stop: Stop) -> Status:
    for name in (RESULTS, LEFT_OUT):
        (folder / name).unlink(missing_ok=True)
    spec, cases = read_evaluate(folder), read_cases(folder / "cases.jsonl")
    if not cases:
        raise Refused("there are no cases to evaluate")
    check_base(Path(spec.base_model), spec.base_sha256)
    adapters = {v.name: read_adapter(Path(v.adapter), v.sha256) if v.adapter else None for v in spec.versions}
    work, base, left_out = _prepared(folder, stop, spec, cases)
    lines = "".join(to_lines(_results(work, base, name, files)) for name, files in adapters.items())
    write_whole(folder / LEFT_OUT, to_lines({"id": case, "reason": why} for case, why in left_out.items()))
    write_whole(folder / RESULTS, lines)
    return replace(work.status, state=State.SUCCEEDED, reason=_in_words(left_out))


def _prepared(
    folder: Path, stop: Stop, spec: EvaluateSpec, cases: list[Case]
) -> tuple[_Work, PreTrainedModel, dict[str, str]]:
    """Also the cases to leave out, with the reason. Raises Refused when that is all of them."""
    import torch

    from training.lm.base_model import load_base, longest
    from training.lm.tokens import load_tokenizer

    torch.set_num_threads(spec.threads)
    tokenizer, base = load_tokenizer(Path(spec.base_model)), load_base(Path(spec.base_model))
    room = longest(base)
    asked: list[_Asked] = []
    left_out: dict[str, str] = {}
    for case in cases:
        try:
            asked.append(_asked(tokenizer, case, room))
        except Refused as refusal:
            left_out[case.id] = str(refusal)
    if not asked:
        raise Refused(f"no case can be asked; {_in_words(left_out)}, the first for: {next(iter(left_out.values()))}")
    status = read_status(folder) or Status(State.STARTING)
    status = replace(status, state=State.RUNNING, max_steps=len(asked) * len(spec.versions))
    return _Work(folder, stop, status, tokenizer, asked, spec.max_new_tokens, room), base, left_out


def _asked(tokenizer: Tokenizer, case: Case, room: int) -> _Asked:
    """Raises Refused for a case that no version could answer right here: it would say nothing of any of them."""
    from jinja2 import TemplateError

    from training.lm.tokens import encode, prompt_ids

    try:
        prompt = prompt_ids(tokenizer, case.messages)
        gold, rejected = (
            None if text is None else encode(tokenizer, case.id, case.messages, text)
            for text in (case.gold, case.rejected)
        )
    except TemplateError as error:
        raise Refused(f"the chat template refuses it: {error}") from error
    tokens = max(len(prompt) + 1, len(gold.ids) if gold else 0)
    if tokens > room:
        raise Refused(f"no room for its answer: {tokens} tokens with it, {room} fit")
    return _Asked(case, prompt, gold, rejected if rejected and len(rejected.ids) <= room else None)


def _in_words(left_out: dict[str, str]) -> str:
    return f"left out: {name_ids([*left_out], noun='case')}" if left_out else ""


def _results(work: _Work, base: PreTrainedModel, name: str, files: AdapterFiles | None) -> list[dict[str, Any]]:
    from training.lm.base_model import merged_copy

    model = base if files is None else merged_copy(base, files)
    answers = _answers(work, model)
    gold = _scores(model, [one.gold for one in work.asked])
    rejected = _scores(model, [one.rejected for one in work.asked])
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
        for index, (case, (output, logprob)) in enumerate(zip((one.case for one in work.asked), answers, strict=True))
    ]


def _answers(work: _Work, model: PreTrainedModel) -> list[tuple[str, float]]:
    from training.lm.decode import answer_all, end_tokens

    prompts = [one.prompt for one in work.asked]
    answers: list[tuple[str, float]] = [("", 0.0)] * len(prompts)
    ends = end_tokens(model, work.tokenizer)
    for batch in answer_all(model, prompts, work.max_new_tokens, ends, longest=work.longest):
        for index, answer in batch:
            text = str(work.tokenizer.decode(list(answer.tokens), skip_special_tokens=True))
            answers[index] = (text, answer.logprob)
        work.advance(len(batch), sum(len(answer.tokens) for _, answer in batch))
    return answers


def _scores(model: PreTrainedModel, examples: list[Example | None]) -> list[float | None]:
    """Mean log-probability of each example's answer; None where there is none."""
    from training.lm.decode import mean_logprobs

    scores: list[float | None] = [None] * len(examples)
    there = [(index, example) for index, example in enumerate(examples) if example is not None]
    means = mean_logprobs(model, [example for _, example in there])
    for (index, _), mean in zip(there, means, strict=True):
        scores[index] = mean
    return scores
