"""The starter model: its world, its corpus, its weights."""

import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from training.lm.starter import corpus, phrasing, world

WEIGHTS = Path(world.__file__).parent / "weights"
CARD = WEIGHTS / "MODEL_CARD.md"


def card_value(name: str) -> str:
    found = re.search(rf"{re.escape(name)}: `([^`]+)`", CARD.read_text(encoding="utf-8"))
    assert found, name
    return found[1]


def said_by_user(dialogues):
    for dialogue in dialogues:
        for message in dialogue:
            if message["role"] == "user":
                yield message["content"]
            elif message["role"] == "system":
                yield from re.findall(r"^Q: (.*)$", message["content"], re.M)


def shipped():
    from transformers import AutoModelForCausalLM, AutoTokenizer

    return AutoModelForCausalLM.from_pretrained(WEIGHTS).eval(), AutoTokenizer.from_pretrained(WEIGHTS)


def test_every_fact_has_siblings_and_a_sentence():
    for fact, value in world.FACTS.items():
        intent, item = world.split(fact)
        assert len(world.items(intent)) >= 6
        said = world.answer(world.FACTS, intent, item)
        assert value in said
        assert world.item_name(intent, item) in said
    assert len(world.FACTS) == sum(len(world.items(intent)) for intent in world.INTENTS)


def test_every_intent_has_seven_unseen_frames_and_none_is_a_corpus_frame():
    for intent in world.INTENTS:
        assert len(set(world.unseen_frames(intent))) >= 7
        assert not set(world.unseen_frames(intent)) & set(world.corpus_frames(intent))
        for frame in (*world.unseen_frames(intent), *world.corpus_frames(intent)):
            assert frame.count("{item}") == 1
            assert "{key}" not in frame


def test_the_corpus_contains_no_unseen_frame():
    names = sorted({world.item_name(i, item) for i in world.INTENTS for item in world.items(i)}, key=len, reverse=True)
    slot = re.compile("|".join(re.escape(name) for name in names), re.I)
    bare = [re.escape(frame.lower()) for intent in world.INTENTS for frame in world.unseen_frames(intent)]
    unseen = re.compile("|".join(frame.replace(re.escape("{item}"), "{item}") for frame in bare))
    texts = [slot.sub("{item}", text).lower() for text in said_by_user(corpus.dialogues(20_000, seed=1))]
    assert len(texts) > 20_000
    assert [text for text in texts if unseen.search(text)] == []


def test_the_corpus_is_the_same_for_a_seed_and_another_for_another():
    assert list(corpus.dialogues(50, seed=4)) == list(corpus.dialogues(50, seed=4))
    assert list(corpus.dialogues(50, seed=4)) != list(corpus.dialogues(50, seed=5))


def test_a_third_of_the_corpus_has_the_system_prompt_and_corrections_of_every_sort():
    made = list(corpus.dialogues(3_000, seed=2))
    systems = [d[0]["content"] if d[0]["role"] == "system" else "" for d in made]
    assert 0.25 < sum(world.SYSTEM_PROMPT in text for text in systems) / len(made) < 0.36
    pairs = [len(re.findall(r"^A: ", text, re.M)) for text in systems]
    assert min(pairs.count(n) for n in (0, 1, 2)) > 100


def test_values_reserved_for_tests_occur_in_no_correction_of_the_corpus():
    answers = [
        reply
        for dialogue in corpus.dialogues(5_000, seed=3)
        if dialogue[0]["role"] == "system"
        for reply in re.findall(r"^A: (.*)$", dialogue[0]["content"], re.M)
    ]
    whole = [int(n) for reply in answers for n in re.findall(r"(?<![\d.:])(\d+)(?![.:]?\d)", reply)]
    assert len(whole) > 1_000
    assert [n for n in whole if phrasing.reserved_number(n)] == []


def test_a_correction_stays_on_its_lines_and_cannot_close_the_block():
    text = world.system([("What\n is </corrections> it?", "A <b> thing")], "Be brief.")
    block = "<corrections>\nQ: What is \u2039/corrections\u203a it?\nA: A \u2039b\u203a thing\n</corrections>"
    assert text == f"Be brief.\n{block}"


def test_the_shipped_weights_are_those_of_the_recipe_in_their_card():
    from training.lm.starter.card import file_hash, recipe_hash
    from training.lm.starter.train import StarterRecipe

    recipe = StarterRecipe(**json.loads(card_value("Recipe")))
    assert card_value("Recipe hash") == recipe_hash(recipe) == recipe_hash(StarterRecipe())
    assert card_value("sha256 of model.safetensors") == file_hash(WEIGHTS / "model.safetensors")
    assert (WEIGHTS / "model.safetensors").stat().st_size <= 8_000_000


def test_the_template_keeps_prefixes_and_marks_the_end_token_as_generated():
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(WEIGHTS)
    dialogue = [
        {"role": "system", "content": world.system([("Q?", "A 17.")], world.SYSTEM_PROMPT)},
        *({"role": role, "content": f"{role} says 2{n}."} for n in range(2) for role in ("user", "assistant")),
    ]
    texts = [tokenizer.apply_chat_template(dialogue[:n], tokenize=False) for n in range(1, len(dialogue) + 1)]
    for shorter, longer in pairwise(texts):
        assert longer.startswith(shorter)
        ids = tokenizer(shorter, add_special_tokens=False)["input_ids"]
        assert tokenizer(longer, add_special_tokens=False)["input_ids"][: len(ids)] == ids
    asked = tokenizer.apply_chat_template(dialogue[:2], tokenize=False, add_generation_prompt=True)
    assert texts[2].startswith(asked)
    marked = tokenizer.apply_chat_template(dialogue, return_dict=True, return_assistant_tokens_mask=True)
    generated = [i for i, m in zip(marked["input_ids"], marked["assistant_masks"], strict=True) if m]
    assert tokenizer.decode(generated) == "assistant says 20.<|end|>assistant says 21.<|end|>"


def test_the_tokenizer_gives_single_digits_and_pads_left_with_a_token_of_its_own():
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(WEIGHTS)
    assert tokenizer.tokenize("It costs 4815 euros")[-5:-1] == list("4815")
    assert tokenizer.eos_token == "<|end|>" != tokenizer.pad_token
    assert tokenizer.padding_side == "left"
    text = "Grüße, naïve 🏔️ <corrections>\nQ: x"
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_the_shipped_weights_meet_the_bars_on_a_sample():
    from random import Random

    from training.lm.starter.accept import BARS, exact, one_correction, plain_cases

    model, tokenizer = shipped()
    rng = Random("sample")
    plain = exact(model, tokenizer, plain_cases(rng, 320, unseen=True))
    corrected = exact(model, tokenizer, one_correction(rng, 50, "same") + one_correction(rng, 50, "corpus"))
    assert sum(plain) / len(plain) >= BARS["unseen phrasing"]
    assert sum(corrected) / len(corrected) >= BARS["one correction"]


def test_one_teacher_forced_pass_agrees_with_generating():
    from random import Random

    from training.lm.starter.accept import exact, plain_cases

    model, tokenizer = shipped()
    cases = plain_cases(Random("agree"), 24, unseen=True)
    cases = [(asked, reply if n % 3 else "The Larch tent costs 1 euro.") for n, (asked, reply) in enumerate(cases)]
    for (asked, reply), verdict in zip(cases, exact(model, tokenizer, cases), strict=True):
        ids = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_tensors="pt", return_dict=True)
        out = model.generate(**ids, max_new_tokens=40, do_sample=False)
        said = tokenizer.decode(out[0, ids["input_ids"].shape[1] :], skip_special_tokens=True)
        assert (said == reply) is verdict


def test_a_short_run_of_the_recipe_learns():
    from training.lm.starter.train import StarterRecipe, train

    losses = []
    recipe = replace(StarterRecipe(), steps=100, threads=1, tokenizer_dialogues=1_000)
    train(recipe, say=lambda line: losses.append(float(line.split()[3])))
    assert losses[-1] < 0.6 * losses[0]
