"""A person's own labels: what became of each, and which version learned from it."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotations.review.actions.approvals import approve, send_back
from annotations.review.actions.labels import withdraw
from labelhub.projects.rights import Role
from tests.factories import FLAWED, make_interaction, make_label, make_member, make_project, make_task
from training.loop import history as slice_
from training.loop.history import Pace, history, pace
from training.registry.live import live_version

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hashed_static")]


@pytest.fixture
def page(queue, expert):
    """page(query): what the expert's browser shows."""
    client = Client()
    client.force_login(expert)
    return lambda query="": client.get(f"/p/{queue.project.slug}/labels/{query}").content.decode()


def judged(queue, expert, number=0, rewrite="It costs 39 euros."):
    return make_label(
        make_task(queue, make_interaction(queue.project, prompt=f"What costs thing {number}?")), expert, **FLAWED,
        rewrite=rewrite,
    )  # fmt: skip


def test_each_label_says_what_became_of_it_the_newest_first(queue, expert, moderator, page):
    approved, returned, taken, waiting = (judged(queue, expert, n) for n in range(4))
    approve(approved, by=moderator)
    send_back(returned, by=moderator, reason="Which list?")
    withdraw(taken, by=expert)
    assert [one.label for one in history(expert, queue.project).past] == [waiting, taken, returned, approved]
    assert [one.waits for one in history(expert, queue.project).past] == [True, False, False, False]
    shown = page()
    for words in (f"approved by {moderator}", f"sent back by {moderator}", "Which list?", "taken back", "waits for a"):
        assert words in shown
    assert shown.count("Take it back") == 1
    assert f"/labels/{waiting.pk}/withdrawal/" in shown


def test_nobody_sees_anothers_labels_there(queue, expert, moderator, page):
    judged(queue, make_member(queue.project), rewrite="Of somebody else.")
    assert "You have judged nothing here yet" in page()
    assert history(moderator, queue.project).past == []
    stranger = Client()
    stranger.force_login(make_member(make_project(), Role.ADMIN))
    assert stranger.get(f"/p/{queue.project.slug}/labels/").status_code == 404


def test_it_takes_as_many_queries_for_ten_labels_as_for_two(queue, expert, moderator, page):
    def queries(number):
        for n in range(number):
            approve(judged(queue, expert, n), by=moderator)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            page()
        return len(captured)

    assert queries(2) == queries(8)


def test_older_ones_stand_on_the_next_page(queue, expert, page, monkeypatch):
    monkeypatch.setattr(slice_, "PAGE", 2)
    labels = [judged(queue, expert, n) for n in range(2)]
    assert "?before=" not in page()
    labels.append(judged(queue, expert, 2))
    assert f"?before={labels[1].pk}" in page()
    older = page(f"?before={labels[1].pk}")
    assert f"label-{labels[0].pk}" in older
    assert "?before=" not in older
    assert f"label-{labels[2].pk}" in page("?before=x")


def test_what_is_too_long_to_compare_is_shown_as_it_is(queue, expert, page):
    judged(queue, expert, rewrite="so " * 2_000 + "it is")
    assert history(expert, queue.project).past[0].diff == []
    assert "so so so" in page()


def test_it_names_the_versions_that_learned_from_it_and_which_of_them_answers(world):
    project, label = world.annotated.project, world.annotated.corrected
    versions = {world.version.number, world.second.number}
    (past,) = [one for one in history(label.author, project).past if one.label == label]
    assert {taught.number for taught in past.taught} == versions
    assert past.taught[0].number == max(versions)
    live = live_version(project)
    assert [taught.number for taught in past.taught if taught.is_live] == ([live.number] if live else [])


def test_it_says_how_long_one_takes_as_the_median_of_what_still_stands(queue, expert, page):
    for seconds in (10, 30, 200, 0):
        make_label(make_task(queue), expert, verdict="good", active_seconds=seconds)
    withdraw(make_label(make_task(queue), expert, verdict="good", active_seconds=5), by=expert)
    make_label(make_task(queue), make_member(queue.project), verdict="good", active_seconds=900)
    assert pace(expert, queue.project) == Pace(3, 30.0)
    assert "one took you 30 s of work (median of 3)" in page()
