import time
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotations.review.diff import word_diff
from annotations.review.spans import NAMED, apply_replacements, segments

TEXT = st.text(
    alphabet=st.one_of(st.sampled_from("ab cé日本👩‍👩‍👧🇩🇪\n\u0301\u200f"), st.characters(exclude_categories=["Cs"])),
    max_size=60,
)


@dataclass(frozen=True)
class Stretch:
    start: int
    end: int


@settings(max_examples=200, deadline=None)
@given(TEXT, TEXT)
def test_a_word_diff_holds_both_texts(before, after):
    pieces = word_diff(before, after)
    assert "".join(p.text for p in pieces if p.op != "ins") == before
    assert "".join(p.text for p in pieces if p.op != "del") == after


@settings(max_examples=200, deadline=None)
@given(TEXT, st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=6))
def test_segments_join_to_the_text_and_name_the_spans_that_cover_them(text, pairs):
    spans = [Stretch(min(a, b), max(a, b)) for a, b in pairs if a != b and max(a, b) <= len(text)]
    pieces = segments(text, spans)
    assert "".join(p.text for p in pieces) == text
    for index, span in enumerate(spans):
        assert "".join(p.text for p in pieces if index in p.spans) == text[span.start : span.end]


def test_the_diff_works_by_words_and_by_characters_where_a_script_has_no_spaces():
    assert [(p.op, p.text) for p in word_diff("within 60 days", "within 30 days")] == [
        ("same", "within "), ("del", "60"), ("ins", "30"), ("same", " days"),
    ]  # fmt: skip
    assert [(p.op, p.text) for p in word_diff("日本語", "日木語")] == [
        ("same", "日"),
        ("del", "本"),
        ("ins", "木"),
        ("same", "語"),
    ]


@pytest.mark.bar("3a-15")
@pytest.mark.parametrize("before", ["so " * 9_900, "so\n" * 200_000, "灯" * 19_000, "\n" * 200_000, "word " * 200_000])
def test_a_word_said_over_and_over_is_compared_at_once(before: str) -> None:
    after = f"but {before}so it is"
    begun = time.process_time()
    pieces = word_diff(before, after)
    assert time.process_time() - begun < 2  # difflib took minutes
    assert "".join(p.text for p in pieces if p.op != "ins") == before
    assert "".join(p.text for p in pieces if p.op != "del") == after


def test_of_overlapping_replacements_the_first_wins():
    assert apply_replacements("abcdef", [(1, 3, "X"), (2, 5, "Y"), (5, 6, "")]) == "aXde"


@pytest.mark.bar("3a-29")
@pytest.mark.parametrize("nested", [False, True])
def test_ten_thousand_spans_are_cut_at_once(nested: bool) -> None:
    number, text = 10_000, "so it is " * 3_000
    spans = [Stretch(n, len(text) - n) if nested else Stretch(2 * n, 2 * n + 3) for n in range(number)]
    begun = time.process_time()
    pieces = segments(text, spans)
    assert time.process_time() - begun < 1  # span by span and piece by piece it took ten
    assert "".join(piece.text for piece in pieces) == text
    assert max(len(piece.spans) for piece in pieces) == (NAMED if nested else 2)
