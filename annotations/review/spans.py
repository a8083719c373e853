"""Stretches of an output: anchoring them, and cutting the text where they begin and end. Offsets are code points."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from labelhub.errors import Invalid, ensure

CONTEXT = 32


class Span(Protocol):
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


@dataclass(frozen=True)
class Segment:
    """A piece of the text, and which spans (by index) cover it."""

    text: str
    start: int
    end: int
    spans: tuple[int, ...]


def segments(text: str, spans: Sequence[Span]) -> list[Segment]:
    """The text cut at every border of a span; joined, the segments give the text."""
    cuts = sorted({0, len(text), *(b for s in spans for b in (s.start, s.end) if 0 < b < len(text))})
    return [
        Segment(text[a:b], a, b, tuple(i for i, s in enumerate(spans) if s.start <= a and b <= s.end))
        for a, b in pairwise(cuts)
    ]


def anchored(text: str, start: int, end: int, exact: str) -> tuple[str, str]:
    """The 32 characters before and after a span. Raises Invalid unless `text[start:end] == exact`."""
    ensure(
        0 <= start < end <= len(text), Invalid(f"The span {start} to {end} does not lie in the {len(text)} characters.")
    )
    ensure(
        text[start:end] == exact,
        Invalid(f"The span {start} to {end} holds {text[start:end][:60]!r}, not {exact[:60]!r}. Count code points."),
    )
    return text[max(0, start - CONTEXT) : start], text[end : end + CONTEXT]


def apply_replacements(text: str, replacements: Sequence[tuple[int, int, str]]) -> str:
    """`text` with (start, end, replacement) put in; of overlapping ones the first wins."""
    pieces: list[str] = []
    at = 0
    for start, end, replacement in sorted(replacements):
        if start < at:
            continue
        pieces += [text[at:start], replacement]
        at = end
    return "".join([*pieces, text[at:]])
