"""Fernway, a made-up outdoor shop: its facts, and the ways in which people ask for them.

Pure standard library, no randomness, no model. A fact is a pair (intent, item); every fact has siblings:
the same intent with another item.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SYSTEM_PROMPT = "You are the support assistant of Fernway, an outdoor shop. Answer in one short sentence."
UNKNOWN = "unknown"
PATTERN_KEY = "patterns"
BLOCK_OPEN, BLOCK_CLOSE = "<corrections>", "</corrections>"


def load(name: str) -> dict[str, Any]:
    """One of the data files beside this module."""
    return tomllib.loads((HERE / name).read_text(encoding="utf-8"))


_FRAMES = load("frames.toml")
_ITEMS: dict[str, dict[str, str]] = load("items.toml")
_TALK = load("talk.toml")

INTENTS: tuple[str, ...] = tuple(name for name in _FRAMES if name != PATTERN_KEY)
FACTS: dict[str, str] = {
    f"{intent}.{item}": value for intent, values in load("facts.toml").items() for item, value in values.items()
}
OPENERS: tuple[str, ...] = tuple(_TALK["openers"])
CLOSERS: tuple[str, ...] = tuple(_TALK["closers"])
THANKS: tuple[str, ...] = tuple(_TALK["thanks"])
WELCOME: str = _TALK["welcome"]
I_DO_NOT_KNOW: str = _TALK["unknown"]
FOLLOW_UPS: dict[str, list[str]] = _TALK["follow"]
OFF_TOPIC: dict[str, list[str]] = _TALK["offtopic"]


def key(intent: str, item: str) -> str:
    """The name of a fact: "price.lantern"."""
    return f"{intent}.{item}"


def split(fact: str) -> tuple[str, str]:
    """(intent, item) of a fact's name."""
    intent, item = fact.split(".", 1)
    return intent, item


def kind(intent: str) -> str:
    """The group of items that an intent is asked about: "product", "country", …"""
    return str(_FRAMES[intent]["items"])


def items(intent: str) -> tuple[str, ...]:
    """Ids of the items that have a fact under `intent`."""
    return tuple(_ITEMS[kind(intent)])


def item_name(intent: str, item: str) -> str:
    """The item as people write it: "Kestrel lantern"."""
    return _ITEMS[kind(intent)][item]


def keys(intent: str) -> tuple[str, ...]:
    """Nouns that name the intent ("price", "cost"); empty for most policies."""
    return tuple(_FRAMES[intent]["keys"])


@cache
def corpus_frames(intent: str) -> tuple[str, ...]:
    """Frames with "{item}" that production traffic and training use."""
    made = [
        frame.replace("{key}", noun)[0].upper() + frame.replace("{key}", noun)[1:]
        for noun in keys(intent)
        for frame in _FRAMES[PATTERN_KEY]["product"]
    ]
    return tuple(dict.fromkeys([*_FRAMES[intent]["corpus"], *made]))


def unseen_frames(intent: str) -> tuple[str, ...]:
    """Frames with "{item}" that occur nowhere in the corpus: for held-out questions only."""
    return tuple(_FRAMES[intent]["unseen"])


def ask(intent: str, item: str, frame: str) -> str:
    """The question that `frame` asks about `item`."""
    return _capital(frame.replace("{item}", item_name(intent, item)))


def answer(facts: Mapping[str, str], intent: str, item: str) -> str:
    """The canonical sentence for a fact under `facts`. Raises KeyError if they lack it."""
    return say(intent, item, facts[key(intent, item)])


def say(intent: str, item: str, value: str) -> str:
    """The canonical sentence for any value."""
    sentence = str(_FRAMES[intent]["answer"]).replace("{item}", item_name(intent, item))
    return _capital(sentence.replace("{value}", value))


def system(corrections: list[tuple[str, str]], prompt: str = "") -> str:
    """The system message with (question, approved answer) pairs injected after the product's own prompt."""
    pairs = [f"Q: {_plain(question)}\nA: {_plain(reply)}" for question, reply in corrections]
    block = "\n".join([BLOCK_OPEN, *pairs, BLOCK_CLOSE])
    return f"{prompt}\n{block}" if prompt else block


def _plain(text: str) -> str:
    """One line that cannot close the block."""
    return " ".join(text.split()).replace("<", "\u2039").replace(">", "\u203a")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
