"""Everybody may choose their own keys; no two acts of one page share one, and the buttons show them."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelhub.errors import Invalid
from labelhub.people.actions import change_self, remap
from labelhub.people.key_map import BY_NAME, KEYS, caps_of, changed, refusals
from tests.factories import make_claim, make_member, make_project, make_queue, make_task
from tests.stack import CHECKOUT

PAGE = "/me/shortcuts/"


@pytest.fixture
def person(db):
    return make_member(make_project())


def test_the_keys_that_it_has_are_free_of_conflicts():
    assert refusals({}) == {}


def test_every_key_of_the_table_stands_in_a_template_and_the_other_way_round():
    said = set()
    for file in Path(CHECKOUT, "templates").rglob("*.html"):
        said |= set(re.findall(r'\{% keys? "([^"]+)" %\}', file.read_text()))
        assert not re.search(r'aria-keyshortcuts="[^"{ ]"', file.read_text()), (
            f"{file} has a key that nobody can change"
        )
    assert said == {name for name in BY_NAME if not name.startswith(("category-", "answer-"))}


def test_a_key_is_chosen_and_only_what_differs_is_kept(person):
    remap(person, {"skip": "x", "flag": "F", "good": "", "no-such": "Q"})
    person.refresh_from_db()
    assert person.key_map["keys"] == {"skip": "X"}
    assert (caps_of("skip", person.key_map), caps_of("flag", person.key_map)) == (("X",), ("F",))
    assert caps_of("undo", person.key_map) == ("Z", "U")
    remap(person, {})
    assert caps_of("skip", person.key_map) == ("S",)


def test_keys_stay_when_other_things_of_oneself_are_changed(person):
    remap(person, {"skip": "x"})
    change_self(person, name="Ines", time_zone="UTC", theme="dark", single_keys=False)
    person.refresh_from_db()
    assert person.key_map == {"keys": {"skip": "X"}, "off": True}


@pytest.mark.parametrize(
    ("wanted", "refused"),
    [
        ({"skip": "f"}, {"skip"}), ({"skip": "F", "flag": "S"}, set()), ({"skip": "z"}, {"skip"}), ({"skip": "U"}, {"skip"}),
        ({"flag": "b"}, set()), ({"skip": "b"}, {"skip"}),  # B acts on pairs and approvals, where nothing is flagged
        ({"turns": "A"}, {"turns"}), ({"skip": "ab"}, {"skip"}), ({"skip": "ß"}, {"skip"}), ({"skip": "\u200b"}, {"skip"}),
        ({"skip": "ж"}, set()), ({"skip": "x", "flag": "x"}, {"skip", "flag"}), ({"skip": "\x00"}, {"skip"}), ({"skip": "👍"}, set()),
    ],
)  # fmt: skip
def test_a_key_that_cannot_be_is_refused_beside_its_field(wanted, refused):
    found = set(refusals(changed(wanted)))
    assert (found <= refused and bool(found)) if refused else not found


@given(wanted=st.dictionaries(st.sampled_from(sorted(BY_NAME)), st.text(max_size=2)))
def test_whatever_is_asked_no_page_has_one_key_twice(wanted):
    chosen = changed(wanted)
    if refusals(chosen):
        return
    for area in {area for key in KEYS for area in key.areas}:
        caps = [
            cap
            for key in KEYS
            if area in key.areas or "everywhere" in key.areas
            for cap in caps_of(key.name, {"keys": chosen})
        ]
        assert len(caps) == len(set(caps))


def test_a_refusal_changes_nothing(person):
    remap(person, {"skip": "x"})
    with pytest.raises(Invalid):
        remap(person, {"skip": "f"})
    person.refresh_from_db()
    assert caps_of("skip", person.key_map) == ("X",)


def test_the_page_saves_refuses_and_resets(person, client):
    client.force_login(person)
    assert client.post(PAGE, {"skip": "x"}).status_code == 302
    assert 'value="X"' in client.get(PAGE).content.decode()
    refused = client.post(PAGE, {"skip": "f"})
    assert refused.status_code == 422
    assert "has this key" in refused.content.decode()
    client.post(PAGE, {"reset": "1", "skip": "x"})
    person.refresh_from_db()
    assert person.key_map["keys"] == {}


def test_the_buttons_of_the_desk_show_ones_own_keys(person, client):
    queue = make_queue(person.membership_set.get().project)
    make_claim(make_task(queue), person)
    remap(person, {"skip": "x", "category-1": "<", "good": '"'})
    client.force_login(person)
    page = client.get(f"/p/{queue.project.slug}/q/{queue.slug}/").content.decode()
    assert 'aria-keyshortcuts="X">Skip <kbd>X</kbd>' in page
    assert 'aria-keyshortcuts="&lt;"' in page
    assert 'aria-keyshortcuts="&quot;"' in page


def test_an_odd_key_map_in_the_database_breaks_no_page():
    assert caps_of("skip", {"keys": ["S"]}) == ("S",)
    assert caps_of("no-such", {}) == ()
