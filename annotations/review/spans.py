"""Stretches of an output: anchoring them, and cutting the text where they begin and end. Offsets are code points."""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from labelhub.errors import Invalid, ensure

CONTEXT = 32
NAMED = 50


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
    """The text cut at every border of a span; joined, the segments give the text.

    Where more than NAMED spans lie on one another, a segment names the first of them.
    """
    begin, end = _borders(text, spans)
    cuts = sorted({0, len(text), *begin, *end})
    cover: list[int] = []  # the spans over the segment at hand, in order
    pieces = []
    for a, b in pairwise(cuts):
        for index in end.get(a, ()):
            del cover[bisect_left(cover, index)]
        for index in begin.get(a, ()):
            insort(cover, index)
        pieces.append(Segment(text[a:b], a, b, tuple(cover[:NAMED])))
    return pieces


def _borders(text: str, spans: Sequence[Span]) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    """Which spans (by index) begin and which end at each offset of `text`."""
    begin: dict[int, list[int]] = defaultdict(list)
    end: dict[int, list[int]] = defaultdict(list)
    for index, span in enumerate(spans):
        if 0 <= span.start < span.end and span.start < len(text):
            begin[span.start].append(index)
            end[min(span.end, len(text))].append(index)
    return begin, end


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
