"""From tokens to text as they come: whole characters only, and nothing past a stop text."""

from __future__ import annotations

from collections.abc import Callable, Sequence


class TextStream:
    """Turns tokens into text piece by piece. `decode`: ids → text.

    Text that could still become a stop text, or half a character, is held back until it is decided.
    """

    def __init__(self, decode: Callable[[list[int]], str], stops: Sequence[str]) -> None:
        self._decode, self._stops = decode, [stop for stop in stops if stop]
        self._ids: list[int] = []
        self._sent = 0
        self.stopped = False

    def push(self, token: int) -> str:
        """The text that is certain now; sets `stopped` when a stop text was completed."""
        self._ids.append(token)
        text = self._decode(self._ids)
        found = [at for stop in self._stops if (at := text.find(stop, max(0, self._sent))) >= 0]
        if found:
            self.stopped = True
            return self._cut(text, min(found))
        return "" if text.endswith("\ufffd") else self._cut(text, len(text) - self._undecided(text))

    def finish(self) -> str:
        """What was held back, once no more tokens come."""
        text = self._decode(self._ids)
        return "" if self.stopped else self._cut(text, len(text))

    def _cut(self, text: str, end: int) -> str:
        piece = text[self._sent : end]
        self._sent = max(self._sent, end)
        return piece

    def _undecided(self, text: str) -> int:
        """How much of the end of `text` is the beginning of a stop text."""
        lengths = (n for stop in self._stops for n in range(len(stop) - 1, 0, -1) if text.endswith(stop[:n]))
        return max(lengths, default=0)
