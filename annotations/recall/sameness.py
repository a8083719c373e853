"""When two prompts ask the same thing. Pure text rules beside the cosine: meaning alone cannot tell a sibling.

Measured on support questions and grade-school problems: at cosine 0.85 a paraphrase is found nine times in ten, but a
question on another item, or the same problem with other numbers, is as near as a polite rewrite. So the same problem
needs the meaning, the same numbers and the same named items.
"""

import re
import unicodedata
from collections import Counter

from rapidfuzz import fuzz

SAME_MEANING = 0.85
NEAR_DUPLICATE_MEANING = 0.95
NEAR_DUPLICATE_LETTERS = 90.0
WITHOUT_NAMES = 0.93  # a correction that names nothing must be closer still

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_STOP = frozenset(  # one block of words reads better than a list of quoted ones
    """a about after again all also am an and any are as at be because been before being but by can could did do does
    for from get give go had has have he hello help her hi his how i if in into is it its just kind know let like long
    many me more much must my need no not now of off on one only or our out over per please put say she should so some
    sort tell than thank thanks that the their them then there these they this those to too up us use very want was we
    were what when where which who whom whose why will with would yes you your""".split()  # noqa: SIM905
)


def normalise(text: str) -> str:
    """NFC, case folded, white space collapsed: two prompts that normalise alike are exact duplicates."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def words(text: str) -> frozenset[str]:
    """Content words, folded, with a plural s taken off: `Lanterns` and `lantern` are one."""
    found = (_fold(word) for word in _WORD.findall(normalise(text)))
    return frozenset(word for word in found if word and word not in _STOP)


def _fold(word: str) -> str:
    word = word.split("'")[0].split("’")[0]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def numbers(text: str) -> Counter[str]:
    """The multiset of numbers in a text, as written."""
    return Counter(_NUMBER.findall(text))


def named_items(prompt: str, *answers: str) -> frozenset[str]:
    """The words that tie a question to its answer: content words of the prompt that an answer to it repeats."""
    repeated: frozenset[str] = frozenset().union(*(words(answer) for answer in answers))
    return words(prompt) & repeated


def same_problem(prompt: str, corrected: str, cosine: float, named: frozenset[str]) -> bool:
    """Whether `prompt` asks what `corrected` asked, sure enough to act on without a person.

    `named` are the named items of the corrected question and its answers.
    """
    if cosine < (SAME_MEANING if named else WITHOUT_NAMES) or numbers(prompt) != numbers(corrected):
        return False
    return named <= words(prompt)


def near_duplicate(prompt: str, other: str, cosine: float) -> bool:
    """Equal after `normalise`, or alike in meaning (cosine ≥ 0.95) and letters (rapidfuzz ratio ≥ 90)."""
    a, b = normalise(prompt), normalise(other)
    return a == b or (cosine >= NEAR_DUPLICATE_MEANING and fuzz.ratio(a, b) >= NEAR_DUPLICATE_LETTERS)
