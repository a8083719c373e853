"""The word diff between an output and its rewrite."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

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
    a, b = _tokens(before), _tokens(after)
    pieces: list[Piece] = []
    for tag, a0, a1, b0, b1 in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if tag == "equal":
            pieces.append(Piece("same", "".join(a[a0:a1])))
            continue
        if a1 > a0:
            pieces.append(Piece("del", "".join(a[a0:a1])))
        if b1 > b0:
            pieces.append(Piece("ins", "".join(b[b0:b1])))
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


def _tokens(text: str) -> list[str]:
    tokens = _TOKEN.findall(text)
    return tokens if len(tokens) <= MAX_TOKENS else text.splitlines(keepends=True)
