"""A payload in any shape is refused in words, never by a broken page."""

import pytest

from annotations.review.judgement import MAX_TEXT, Judgement
from labelhub.errors import Invalid
from labelhub.projects.actions import save_taxonomy
from labelhub.projects.models import Membership
from labelhub.projects.outline import read_outline
from tests.factories import FLAWED, make_project

pytestmark = pytest.mark.django_db
OUTPUT = "The lantern costs 45 euros."
SPAN = {"start": 18, "end": 20, "exact": "45"}


@pytest.fixture
def taxonomy():
    return make_project().taxonomy


@pytest.mark.parametrize("category", [[], ["too-vague"], {}, {"a": 1}, 7, True, "no-such"])
def test_a_category_that_is_none_is_refused_on_a_comment_and_on_the_whole(taxonomy, category):
    for payload in (
        {**FLAWED, "comments": [{**SPAN, "text": "?", "category": category}]},
        {"verdict": "flawed", "categories": [{"category": category}]},
    ):
        with pytest.raises(Invalid, match="there is no category"):
            Judgement.parse(payload, taxonomy, OUTPUT)


@pytest.mark.parametrize("name", ["verdict", "root_cause", "confidence", "rewrite", "note"])
@pytest.mark.parametrize("value", [7, ["good"], {"a": 1}, True])
def test_what_must_be_text_and_is_not_is_named(taxonomy, name, value):
    with pytest.raises(Invalid, match=name):
        Judgement.parse({**FLAWED, name: value}, taxonomy, OUTPUT)


@pytest.mark.parametrize("name", ["categories", "comments"])
@pytest.mark.parametrize("value", ["abc", {"a": 1}, 7, True])
def test_what_must_be_a_list_and_is_not_is_named(taxonomy, name, value):
    with pytest.raises(Invalid, match=name):
        Judgement.parse({**FLAWED, name: value}, taxonomy, OUTPUT)


def test_a_replacement_over_one_mib_is_refused(taxonomy):
    with pytest.raises(Invalid, match="replacement"):
        Judgement.parse({**FLAWED, "comments": [{**SPAN, "replacement": "x" * (MAX_TEXT + 1)}]}, taxonomy, OUTPUT)


def test_a_better_answer_that_grows_over_one_mib_by_its_replacements_is_refused_with_what_to_do(taxonomy):
    half = "x" * (MAX_TEXT // 2)
    spans = [{"start": n, "end": n + 1, "exact": OUTPUT[n], "replacement": half} for n in range(3)]
    with pytest.raises(Invalid, match="shorter replacements"):
        Judgement.parse({**FLAWED, "comments": spans}, taxonomy, OUTPUT)


def test_null_is_the_same_as_leaving_a_field_out(taxonomy):
    judged = Judgement.parse(
        {"verdict": "good", "note": None, "comments": None, "active_seconds": None}, taxonomy, OUTPUT
    )
    assert (judged.note, judged.comments, judged.active_seconds) == ("", (), 0.0)


def test_a_category_and_one_that_lies_below_it_do_not_stand_together():
    project = make_project()
    admin = Membership.objects.get(project=project).user
    outline = "unsafe | Unsafe\n  dose | Wrong dose\n    dose-child | For a child\n  mix | Wrong mixture"
    taxonomy = save_taxonomy(project, read_outline(outline), after=1, by=admin)

    def judged(*slugs):
        payload = {"verdict": "flawed", "categories": [{"category": slug} for slug in slugs]}
        return Judgement.parse(payload, taxonomy, OUTPUT)

    assert len(judged("dose-child", "mix").categories) == 2
    for both in (("unsafe", "dose"), ("dose-child", "unsafe"), ("dose", "dose-child", "mix")):
        with pytest.raises(Invalid, match="choose the one that says it best"):
            judged(*both)
