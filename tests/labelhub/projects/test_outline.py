"""A taxonomy is written down as an outline and read again as the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelhub.errors import Invalid
from labelhub.projects.outline import DEEPEST, MOST, Entry, checked, read_outline, write_outline

NESTED = """\
unsafe | Unsafe | Following it could hurt somebody.
  unsafe-dose | Wrong dose
    unsafe-dose-child | For a child | Too much | for their weight.
  unsafe-mix | Wrong mixture
other | Other"""


def test_what_lies_below_another_is_indented_by_two_spaces() -> None:
    found = read_outline(NESTED)
    assert [(one.slug, one.parent) for one in found] == [
        ("unsafe", ""), ("unsafe-dose", "unsafe"), ("unsafe-dose-child", "unsafe-dose"), ("unsafe-mix", "unsafe"),
        ("other", ""),
    ]  # fmt: skip
    assert found[2] == Entry("unsafe-dose-child", "For a child", "Too much | for their weight.", "unsafe-dose")
    assert write_outline(found) == NESTED


def test_tabs_and_empty_lines_do_no_harm() -> None:
    assert read_outline("a | A\n\n\tb | B\n") == [Entry("a", "A"), Entry("b", "B", "", "a")]


@st.composite
def taxonomies(draw: st.DrawFn) -> list[Entry]:
    words = st.text(
        st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp", "Zs"], exclude_characters="|"), min_size=1
    )
    found: list[Entry] = []
    for number in range(draw(st.integers(1, 12))):
        path = [found[-1], *_above(found[-1], found)] if found else []
        places = [""] + [one.slug for one in path[-(DEEPEST - 1) :]]
        name, description = draw(words.map(lambda w: w[:80])), draw(st.just("") | words.map(lambda w: w[:300]))
        found.append(Entry(f"c{number}", name, description, draw(st.sampled_from(places))))
    return found


def _above(entry: Entry, entries: list[Entry]) -> list[Entry]:
    by_slug = {one.slug: one for one in entries}
    return [by_slug[entry.parent], *_above(by_slug[entry.parent], entries)] if entry.parent else []


@given(taxonomies())
def test_whatever_makes_a_taxonomy_is_read_again_as_it_was_written(entries: list[Entry]) -> None:
    assert read_outline(write_outline(checked(entries))) == entries


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "at least one category"),
        ("Unsafe | Unsafe", "small letters"),
        ("unsafe", "name of 1 to 80"),
        ("a | A\na | B", "stands twice"),
        (" a | A", "Line 1: indent by two"),
        ("a | A\n    b | B", "Line 2: indent by two"),
        ("a | A\n  b | B\n    c | C\n      d | D", "3 levels"),
        (f"a | {'x' * 81}", "name of 1 to 80"),
        (f"a | A | {'x' * 301}", "at most 300"),
        ("\n".join(f"c{n} | C" for n in range(MOST + 1)), "more than 60"),
    ],
)
def test_what_makes_no_taxonomy_is_told_with_its_place(text: str, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        read_outline(text)


def test_what_would_not_be_read_again_is_no_category() -> None:
    for entry in (Entry("a", "A|B"), Entry("a", "A\nB"), Entry("a", "A", "b\u2028c"), Entry("a", "A", "", "z")):
        with pytest.raises(Invalid):
            checked([entry])
