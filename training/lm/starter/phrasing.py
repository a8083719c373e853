"""How people type: greetings, slips, dropped words; and words that mean nothing yet.

Every function draws from the `random.Random` that it is given and from nothing else.
"""

import re
import zlib
from random import Random

from training.lm.starter import world

SLOT = "{item}"
_WORDS: dict[str, list[str]] = {name: text.split() for name, text in world.load("words.toml").items()}
_COMMON = _WORDS["common"]
_LOOSE_UNITS = ("euros", "days", "weeks", "months", "years", "hours", "kg", "grams")


def reserved_number(number: int) -> bool:
    """Numbers kept out of every correction in the corpus, so that tests can use them."""
    return number % 11 == 4


def reserved_word(word: str) -> bool:
    """A fifth of all made-up words, kept out of the corpus so that tests can use them."""
    return zlib.crc32(word.encode()) % 5 == 0


def number(rng: Random, *, reserved: bool = False) -> int:
    """1 to 9999, every length about equally likely."""
    while True:
        length = rng.choice((1, 2, 2, 3, 3, 4))
        drawn = rng.randrange(10 ** (length - 1), 10**length)
        if reserved_number(drawn) is reserved:
            return drawn


def made_up_word(rng: Random, *, reserved: bool = False) -> str:
    while True:
        start = "".join(rng.choice(_WORDS["heads"]) for _ in range(rng.choice((1, 2, 2))))
        word = start + rng.choice(_WORDS["tails"])
        if reserved_word(word) is reserved:
            return word


def noun_phrase(rng: Random, *, reserved: bool = False) -> str:
    """One to three words, made up or common: a colour, a material or a place that nobody has heard of."""
    first = made_up_word(rng, reserved=reserved)
    shape = rng.random()
    if shape < 0.35:
        return first
    if shape < 0.6 or reserved:
        return f"{first} {rng.choice(_COMMON)}"
    if shape < 0.8:
        return f"{rng.choice(_COMMON)} {rng.choice(_COMMON)}"
    return rng.choice(_COMMON)


def value_like(rng: Random, learnt: str, *, reserved: bool = False) -> str:
    """A value of the kind of `learnt` ("49 euros" → "812 euros", "sand" → "lemon") and unlike it."""
    while True:
        drawn = _value(rng, learnt, reserved=reserved)
        if drawn != learnt:
            return drawn


def _value(rng: Random, learnt: str, *, reserved: bool) -> str:
    if ":" in learnt:
        minutes = (5, 10, 25) if reserved else (0, 15, 20, 30, 35, 40, 45, 50)
        return f"{rng.randrange(5, 24)}:{rng.choice(minutes):02d}"
    if not learnt[0].isdigit():
        return noun_phrase(rng, reserved=reserved)
    digits, unit = learnt.split(" ", 1)
    drawn = number(rng, reserved=reserved)
    text = f"{drawn // 10}.{drawn % 10}" if "." in digits else str(drawn)
    if not reserved and rng.random() < 0.15:
        unit = rng.choice((made_up_word(rng), *_LOOSE_UNITS))
    return f"{text} {unit}"


def sentence(rng: Random, inside: tuple[str, ...] = ()) -> str:
    """Words in no order that means anything, `inside` among them: an answer that nobody can foresee."""
    words = [
        rng.choice((rng.choice(_WORDS["fill"]), rng.choice(_COMMON), made_up_word(rng), str(number(rng))))
        for _ in range(rng.randrange(3, 11 - 3 * len(inside)))
    ]
    for part in inside:
        words.insert(rng.randrange(len(words) + 1), part)
    return f"{rng.choice(_WORDS['first'])} {' '.join(words)}."


def off_topic(rng: Random, *, frames: str = "corpus") -> str:
    """Something that a shop's assistant cannot know."""
    text: str = rng.choice(world.OFF_TOPIC[frames])
    while "{" in text:
        word = noun_phrase(rng).capitalize()
        text = text.replace("{word}", word, 1).replace("{n}", str(number(rng)), 1)
    return text


def drop_words(rng: Random, frame: str) -> str:
    """`frame` without about a fifth of its words, at times turned around; the slot always stays."""
    words = frame.split()
    kept = [word for word in words if SLOT in word or rng.random() > 0.2]
    if rng.random() < 0.3 and len(kept) > 1:
        cut = rng.randrange(1, len(kept))
        kept = kept[cut:] + kept[:cut]
    return " ".join(kept)


def typos(rng: Random, text: str) -> str:
    """One or two letters lost, doubled or swapped; never a digit."""
    for _ in range(rng.choice((1, 1, 2))):
        spots = [match.start() for match in re.finditer(r"[a-z](?=[a-z])", text)]
        if not spots:
            return text
        at = rng.choice(spots)
        pair = text[at : at + 2]
        text = text[:at] + rng.choice((pair[0], pair[1], pair[::-1], pair[0] + pair)) + text[at + 2 :]
    return text


def wrapped(rng: Random, text: str) -> str:
    """`text` as it may come in: with a greeting, a closing, slips or no capitals."""
    if rng.random() < 0.2:
        text = f"{rng.choice(world.OPENERS)} {text}"
    if rng.random() < 0.2:
        text = f"{text} {rng.choice(world.CLOSERS)}"
    if rng.random() < 0.15:
        text = typos(rng, text)
    return text.lower() if rng.random() < 0.15 else text
