"""Text that leaves the server piece by piece; tokens here are single bytes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.lm.serve.text import TextStream


def streamed(text: str, stops: list[str]) -> tuple[list[str], bool]:
    stream = TextStream(lambda ids: bytes(ids).decode(errors="replace"), stops)
    pieces = []
    for token in text.encode():
        pieces.append(stream.push(token))
        if stream.stopped:
            break
    return [*pieces, stream.finish()], stream.stopped


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=40), st.lists(st.text(min_size=1, max_size=4), max_size=3))
def test_pieces_join_to_the_text_before_the_first_stop(text: str, stops: list[str]):
    pieces, stopped = streamed(text, stops)
    ends = [at + len(stop) for stop in stops if (at := text.find(stop)) >= 0]
    assert stopped == bool(ends)
    if not ends:
        assert "".join(pieces) == text
    else:
        decided = text[: min(ends)]
        assert "".join(pieces) == decided[: min(decided.find(stop) for stop in stops if stop in decided)]


@pytest.mark.parametrize("text", ["naïve 🏔️ Grüße", "日本語"])
def test_no_piece_holds_half_a_character(text: str):
    pieces, _ = streamed(text, [])
    assert "\ufffd" not in "".join(pieces)
    assert "".join(pieces) == text


def test_what_could_become_a_stop_is_held_back():
    pieces, stopped = streamed("ab<en", ["<end>"])
    assert pieces == ["a", "b", "", "", "", "<en"]
    assert not stopped
