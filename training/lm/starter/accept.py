"""What the starter can do, in figures: phrasings never seen, corrections never seen, siblings left alone.

An answer counts when greedy decoding would give it letter by letter; one teacher-forced pass decides that,
because greedy text equals the reference exactly where each argmax does.
"""

from collections.abc import Iterable
from random import Random

import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from training.lm.starter import corpus, phrasing, world

Case = tuple[list[dict[str, str]], str]
BARS = {"unseen phrasing": 0.85, "one correction": 0.90}


def ask(question: str, reply: str, system: str = "") -> Case:
    """A case of one question; `system` is the whole system message, empty for none."""
    messages = [{"role": "system", "content": system}] if system else []
    return [*messages, {"role": "user", "content": question}], reply


@torch.no_grad()
def exact(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, cases: list[Case], size: int = 64) -> list[bool]:
    """Whether greedy decoding gives exactly each case's reply, in the order of `cases`."""
    rows = [_encode(tokenizer, case) for case in cases]
    order = sorted(range(len(rows)), key=lambda n: len(rows[n][0]))
    verdicts = [False] * len(rows)
    for at in range(0, len(order), size):
        part = order[at : at + size]
        width = max(len(rows[n][0]) for n in part)
        ids = torch.tensor([rows[n][0] + [0] * (width - len(rows[n][0])) for n in part])  # [B, T]
        best = model(input_ids=ids, use_cache=False).logits.argmax(-1)  # [B, T]
        for line, n in enumerate(part):
            whole, start = rows[n]
            verdicts[n] = best[line, start - 1 : len(whole) - 1].tolist() == whole[start:]
    return verdicts


def _encode(tokenizer: PreTrainedTokenizerFast, case: Case) -> tuple[list[int], int]:
    """(ids of prompt and reply, where the reply starts)."""
    messages, reply = case
    prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    ids: list[int] = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    said: list[int] = tokenizer(f"{reply}{tokenizer.eos_token}", add_special_tokens=False)["input_ids"]
    return ids + said, len(ids)


def measure(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, seed: int = 1) -> dict[str, float]:
    """Share of exact answers per slice; `BARS` says which two are judged."""
    rng = Random(f"accept-{seed}")
    slices = {
        "seen phrasing": plain_cases(rng, 400, unseen=False),
        "unseen phrasing": plain_cases(rng, 600, unseen=True),
        "unseen phrasing, system prompt": plain_cases(rng, 200, unseen=True, system=world.SYSTEM_PROMPT),
        "unseen phrasing, greeting and slips": [
            ([{"role": "user", "content": phrasing.wrapped(rng, case[0][0]["content"])}], case[1])
            for case in plain_cases(rng, 300, unseen=True)
        ],
        "several turns": turn_cases(300),
        "off topic": [ask(phrasing.off_topic(rng, frames="unseen"), world.I_DO_NOT_KNOW) for _ in range(100)],
        "one correction": one_correction(rng, 50, "same") + one_correction(rng, 50, "corpus"),
        "one correction, same question": one_correction(rng, 100, "same"),
        "one correction, other corpus wording": one_correction(rng, 100, "corpus"),
        "one correction, unseen wording": one_correction(rng, 100, "unseen"),
        "one correction, own sentence": one_correction(rng, 100, "same", own_words=True),
        "right one among two or three": among(rng, 100),
        "a sibling's correction ignored": other_correction(rng, 100, sibling=True),
        "another topic's correction ignored": other_correction(rng, 100, sibling=False),
    }
    return {name: _share(exact(model, tokenizer, cases)) for name, cases in slices.items()}


def _share(verdicts: list[bool]) -> float:
    return round(sum(verdicts) / len(verdicts), 3)


def _fact(rng: Random) -> tuple[str, str]:
    return world.split(rng.choice(sorted(world.FACTS)))


def _frame(rng: Random, intent: str, *, unseen: bool) -> str:
    return rng.choice(world.unseen_frames(intent) if unseen else world.corpus_frames(intent))


def plain_cases(rng: Random, n: int, *, unseen: bool, system: str = "") -> list[Case]:
    """Questions on what the starter learnt, intents in turn."""
    cases = []
    for number in range(n):
        intent = world.INTENTS[number % len(world.INTENTS)]
        item = rng.choice(world.items(intent))
        text = world.ask(intent, item, _frame(rng, intent, unseen=unseen))
        cases.append(ask(text, world.answer(world.FACTS, intent, item), system))
    return cases


def turn_cases(n: int) -> list[Case]:
    """The last of several turns, from dialogues that training did not see."""
    none = corpus.Mix(right=0, irrelevant=0, several=0)
    made = corpus.dialogues(20 * n, seed=999, mix=none)
    long = (d for d in made if sum(m["role"] == "user" for m in d) > 1)
    return [(d[:-1], d[-1]["content"]) for d, _ in zip(long, range(n), strict=False)]


def correction(rng: Random, intent: str, item: str, *, own_words: bool = False) -> corpus.Pair:
    """A question in corpus words and an approved answer whose value occurs nowhere in the corpus."""
    value = phrasing.value_like(rng, world.FACTS[world.key(intent, item)], reserved=True)
    reply = world.say(intent, item, value)
    if own_words:
        reply = f"The right answer for {world.item_name(intent, item)} is {value}, as we said in spring."
    return world.ask(intent, item, _frame(rng, intent, unseen=False)), reply


def one_correction(rng: Random, n: int, wording: str, *, own_words: bool = False) -> list[Case]:
    """One fitting correction; asked in its own words ("same"), in others ("corpus") or in unseen ones."""
    cases = []
    for _ in range(n):
        intent, item = _fact(rng)
        pair = correction(rng, intent, item, own_words=own_words)
        other = world.ask(intent, item, _frame(rng, intent, unseen=wording == "unseen"))
        cases.append(_with([pair], rng, pair[0] if wording == "same" else other, pair[1]))
    return cases


def among(rng: Random, n: int) -> list[Case]:
    """The fitting correction among one or two siblings' or other topics'."""
    cases = []
    for _ in range(n):
        intent, item = _fact(rng)
        pair = correction(rng, intent, item)
        others = [_not_fitting(rng, intent, item, sibling=rng.random() < 0.5) for _ in range(rng.choice((1, 2)))]
        pairs = [pair, *others]
        rng.shuffle(pairs)
        cases.append(_with(pairs, rng, world.ask(intent, item, _frame(rng, intent, unseen=False)), pair[1]))
    return cases


def other_correction(rng: Random, n: int, *, sibling: bool) -> list[Case]:
    """One correction that does not fit: the learnt answer is wanted."""
    cases = []
    for _ in range(n):
        intent, item = _fact(rng)
        pair = _not_fitting(rng, intent, item, sibling=sibling)
        text = world.ask(intent, item, _frame(rng, intent, unseen=False))
        cases.append(_with([pair], rng, text, world.answer(world.FACTS, intent, item)))
    return cases


def _not_fitting(rng: Random, intent: str, item: str, *, sibling: bool) -> corpus.Pair:
    if sibling:
        return correction(rng, intent, rng.choice([other for other in world.items(intent) if other != item]))
    other = rng.choice([name for name in world.INTENTS if name != intent])
    return correction(rng, other, rng.choice(world.items(other)))


def _with(pairs: Iterable[corpus.Pair], rng: Random, question: str, reply: str) -> Case:
    return ask(question, reply, world.system(list(pairs), world.SYSTEM_PROMPT if rng.random() < 0.3 else ""))
