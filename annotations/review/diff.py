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
    return pieces


def _tokens(text: str) -> list[str]:
    tokens = _TOKEN.findall(text)
    return tokens if len(tokens) <= MAX_TOKENS else text.splitlines(keepends=True)
