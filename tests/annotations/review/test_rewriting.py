"""The better answer: suggested words are put in once, where they belong; the end user's own words stand beside it."""

from hypothesis import given
from hypothesis import strategies as st

from annotations.review.rewriting import suggestions, with_replacements

OUTPUT = "The lantern costs 45 euros. The tent costs 45 euros, too."


def wanting(exact, replacement, occurrence=0, text=OUTPUT):
    start = -1
    for _ in range(occurrence + 1):
        start = text.index(exact, start + 1)
    return {"start": start, "end": start + len(exact), "exact": exact, "replacement": replacement}


def test_an_empty_rewrite_starts_from_the_output():
    wants = [wanting("45", "39"), wanting(", too", "")]
    assert with_replacements(OUTPUT, "", wants) == "The lantern costs 39 euros. The tent costs 45 euros."


def test_the_stretch_that_was_meant_is_replaced_not_one_with_the_same_words():
    assert with_replacements(OUTPUT, "", [wanting("45", "90", 1)]) == OUTPUT[:43] + "90" + OUTPUT[45:]


def test_what_was_written_around_it_stays():
    written = "Hello! The lantern costs 45 euros. The big tent costs 45 euros, too."
    done = with_replacements(OUTPUT, written, [wanting("45", "39"), wanting("45", "90", 1)])
    assert done == "Hello! The lantern costs 39 euros. The big tent costs 90 euros, too."


def test_done_twice_it_changes_nothing_more():
    wants = [wanting("lantern", "old lantern"), wanting("45", "39"), wanting("45", "45.50", 1)]
    once = with_replacements(OUTPUT, "", wants)
    assert once == "The old lantern costs 39 euros. The tent costs 45.50 euros, too."
    assert with_replacements(OUTPUT, once, wants) == once


def test_words_that_were_rewritten_already_stay_as_they_are():
    written = "It costs 39 euros. The tent costs 45 euros, too."
    assert with_replacements(OUTPUT, written, [wanting("The lantern costs 45", "It is 40")]) == written


def test_comments_that_suggest_nothing_change_nothing():
    assert with_replacements(OUTPUT, "", [wanting("45", None), {"start": 0, "end": 3, "exact": "The"}]) == OUTPUT


@given(st.text(min_size=1, max_size=60), st.data())
def test_of_any_text_exactly_the_stretch_changes(text, data):
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    want = {"start": start, "end": end, "exact": text[start:end], "replacement": "«new»"}
    assert with_replacements(text, "", [want]) == text[:start] + "«new»" + text[end:]


def test_each_of_the_end_users_texts_stands_once_with_what_it_changes():
    found = suggestions(["It costs 39.", "It costs 39.", "", "Ask us.", "a", "b"], "It costs 45.", "It costs 40.")
    assert [one.text for one in found] == ["It costs 39.", "Ask us.", "a"]
    assert [(p.op, p.text) for p in found[0].diff if p.op != "same"] == [("del", "45"), ("ins", "39")]
    assert [(p.op, p.text) for p in found[0].against if p.op != "same"] == [("del", "39"), ("ins", "40")]
    assert suggestions(["It costs 39."], "It costs 45.", "")[0].against == []
