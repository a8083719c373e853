"""The better answer: what comments suggest is put into it, and it is seen beside what the end user wrote."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from annotations.review.diff import Piece, word_diff
from annotations.review.spans import apply_replacements

SUGGESTED = 3  # of one answer


def with_replacements(output: str, rewrite: str, comments: Iterable[Mapping[str, Any]]) -> str:
    """`rewrite`, or the output where it is empty, with the words that comments want instead of theirs.

    Words that the rewrite has changed already stay as they are; so it changes nothing when it is done twice.
    """
    text = rewrite or output
    kept = _kept(output, text)
    found = []
    for one in comments:
        at = _moved(kept, one["start"], one["end"]) if one.get("replacement") is not None else None
        if at is not None and not _stands(text, at, output[one["start"] : one["end"]], str(one["replacement"])):
            found.append((at, at + one["end"] - one["start"], str(one["replacement"])))
    return apply_replacements(text, found)


def _stands(text: str, at: int, exact: str, replacement: str) -> bool:
    """Whether `exact` at `at` is a part of its own replacement, which was put in before: 45 in 45.50."""
    offsets = [i for i in range(len(replacement)) if replacement.startswith(exact, i)]
    return any(at >= i and text.startswith(replacement, at - i) for i in offsets)


def _kept(output: str, text: str) -> list[tuple[int, int, int]]:
    """(start, end, by how much it moved) of each stretch of the output that stands in `text` as it was."""
    pieces = word_diff(output, text)
    before = [0, *accumulate(len(piece.text) if piece.op != "ins" else 0 for piece in pieces)]
    after = [0, *accumulate(len(piece.text) if piece.op != "del" else 0 for piece in pieces)]
    return [
        (before[i], before[i] + len(piece.text), after[i] - before[i])
        for i, piece in enumerate(pieces)
        if piece.op == "same"
    ]


def _moved(kept: Iterable[tuple[int, int, int]], start: int, end: int) -> int | None:
    """Where the stretch begins now; None when it is not there as it was."""
    return next((start + by for first, last, by in kept if first <= start and end <= last), None)


@dataclass(frozen=True)
class Suggestion:
    """What an end user would have liked to read. `diff`: from the output to it; `against`: from it to the rewrite."""

    text: str
    diff: list[Piece]
    against: list[Piece]  # [] while nothing is written


def suggestions(texts: Iterable[str], output: str, rewrite: str) -> list[Suggestion]:
    """Each of `texts` once, at most SUGGESTED."""
    distinct = list(dict.fromkeys(text for text in texts if text))[:SUGGESTED]
    return [Suggestion(t, word_diff(output, t), word_diff(t, rewrite) if rewrite else []) for t in distinct]
