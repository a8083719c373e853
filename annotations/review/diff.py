"""The word diff between an output and its rewrite."""

import re
from dataclasses import dataclass

from rapidfuzz.distance import Indel

# A word, a run of white space, or one character: CJK scripts have no spaces, so each character stands alone.
_TOKEN = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+|\s+|.", re.DOTALL
)
MAX_TOKENS = 20_000


@dataclass(frozen=True)
class Piece:
    op: str  # same | del | ins
    text: str


def word_diff(before: str, after: str) -> list[Piece]:
    """Pieces in reading order; all but `ins` joined give `before`, all but `del` give `after`."""
    a, b = _comparable(before, after)
    pieces: list[Piece] = []
    # difflib reads nicer stretches, but takes minutes for a word said over and over, as models at a loss do.
    for step in Indel.opcodes(a, b):
        gone, new = "".join(a[step.src_start : step.src_end]), "".join(b[step.dest_start : step.dest_end])
        pieces += [Piece("same", gone)] if step.tag == "equal" else _change(gone, new)
    return _calm(pieces)


def _calm(pieces: list[Piece]) -> list[Piece]:
    """White space that happens to stand between two changes belongs to them: one change reads better than two."""
    calm: list[Piece] = []
    before, after = "", ""  # the change that is being gathered
    for i, piece in enumerate(pieces):
        between = piece.text.isspace() and 0 < i < len(pieces) - 1 and bool(before or after)
        if piece.op != "same" or between:
            before += piece.text if piece.op != "ins" else ""
            after += piece.text if piece.op != "del" else ""
            continue
        calm += [*_change(before, after), piece]
        before, after = "", ""
    return calm + _change(before, after)


def _change(before: str, after: str) -> list[Piece]:
    return [Piece(op, text) for op, text in (("del", before), ("ins", after)) if text]


def _comparable(before: str, after: str) -> tuple[list[str], list[str]]:
    """Both texts in words; in lines, or each as a whole, where there are too many of them."""
    for cut in (_TOKEN.findall, lambda text: text.splitlines(keepends=True)):
        a, b = cut(before), cut(after)
        if max(len(a), len(b)) <= MAX_TOKENS:
            return a, b
    return [before], [after]
