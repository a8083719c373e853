"""The page of scores: one table of all sources, the judge model's rubric and its agreement with the experts."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from annotations.capture.models import Metric
from annotations.triage import scores
from annotations.triage.scores import behind, judge_agreement, lines
from labelhub.projects.rights import Role
from tests.factories import (
    make_approval,
    make_feedback,
    make_interaction,
    make_member,
    make_metric,
    make_project,
    make_rubric,
    make_score,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hashed_static")]
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def project():
    return make_project(slug="fern")


@pytest.fixture
def browser(project):
    client = Client()
    client.force_login(make_member(project, Role.MODERATOR, name="Omar"))
    return client


def figures(project):
    """(line, class) → (number, mean, low) of the last 7, 30 and 90 days."""
    return {(one.name, one.says): [(w.number, w.mean, w.low) for w in one.windows] for one in lines(project)}


def test_people_signals_heuristics_and_scores_stand_in_one_table(project):
    make_approval(project)
    make_approval(project, rewrite="")
    row = make_interaction(project, confidence=0.3, mean_logprob=-0.5)
    make_feedback(row)
    make_feedback(row, value=1)
    make_feedback(row, "rating", value=4)
    make_score(make_metric(project), row, 0.9)
    found = figures(project)
    assert found["expert", ""] == [(2, 0.5, 1)] * 3
    assert found["reception", ""] == [(3, pytest.approx(1.75 / 3), 1)] * 3
    assert found["confidence", ""] == [(1, 0.3, 1)] * 3
    assert found["log-probability", ""] == [(1, -0.5, 0)] * 3
    assert found["tone, version 1", ""] == [(1, 0.9, 0)] * 3


def test_a_score_counts_by_when_its_answer_was_given(project):
    metric = make_metric(project)
    for days, value in ((1, 1.0), (20, 0.0), (60, 0.2), (100, 0.0)):
        make_score(metric, make_interaction(project, occurred_at=timezone.now() - timedelta(days=days)), value)
    assert figures(project)["tone, version 1", ""] == [(1, 1.0, 0), (2, 0.5, 1), (3, pytest.approx(0.4), 2)]


def test_classes_are_counted_each_with_its_share(project):
    metric = make_metric(project, "topic", kind="class")
    for label in ("prices", "prices", "prices", "parcels"):
        make_score(metric, make_interaction(project), None, label=label)
    assert {one.says: one.windows[0].share for one in lines(project)} == {"prices": 0.75, "parcels": 0.25}


def test_the_table_looks_at_the_newest_answers_only(project, monkeypatch):
    monkeypatch.setattr(scores, "LOOKED_AT", 2)
    metric = make_metric(project)
    for value in (0.0, 1.0, 1.0):
        make_score(metric, make_interaction(project), value)
    assert figures(project)["tone, version 1", ""][0] == (2, 1.0, 0)


def test_a_number_leads_to_what_it_counts(project, browser):
    metric = make_metric(project)
    low = make_interaction(project, prompt=f"Low {HOSTILE}")
    make_score(metric, low, 0.1, note=f"Rude {HOSTILE}")
    make_score(metric, make_interaction(project, prompt="High"), 0.9)
    page = browser.get("/p/fern/scores/").content.decode()
    link = f"?of={metric.pk}&amp;days=30#behind"
    assert link in page
    page = browser.get(f"/p/fern/scores/?of={metric.pk}&days=30").content.decode()
    assert "Low &lt;script&gt;" in page
    assert "Rude &lt;script&gt;" in page
    assert f"/p/fern/sessions/{low.session_id}/#interaction-{low.pk}" in page
    assert "High" not in page
    assert HOSTILE not in page
    for odd in ("?of=1&days=7", f"?of={metric.pk}&days=8", f"?of={metric.pk}&days=x", f"?of={metric.pk}&days=7&says=x"):
        assert 'id="behind"' not in browser.get(f"/p/fern/scores/{odd}").content.decode()


def test_behind_a_class_stand_its_answers_and_behind_the_experts_what_is_flawed(project):
    metric = make_metric(project, "topic", kind="class")
    of_prices, of_parcels = (make_interaction(project) for _ in range(2))
    make_score(metric, of_prices, None, label="prices")
    make_score(metric, of_parcels, None, label="parcels")
    assert [one.answer for one in behind(project, str(metric.pk), 7, "prices")] == [of_prices]
    flawed, _good = make_approval(project), make_approval(project, rewrite="")
    assert [one.answer for one in behind(project, "expert", 7, "")] == [flawed.interaction]


def test_the_judges_agreement_is_told_by_version_and_model(project, browser):
    rubrics = [make_rubric(project), make_rubric(project, version=2, threshold=0.7)]
    approvals = [make_approval(project, rewrite=rewrite) for rewrite in ("", "", "39 euros.", "39 euros.")]
    for approval, value in zip(approvals, (0.9, 0.6, 0.1, 0.2), strict=True):
        for rubric in rubrics:
            make_score(rubric, approval.interaction, value, model="judge-1")
    make_score(rubrics[1], make_interaction(project), 0.5, model="judge-1")  # nobody has judged it
    make_score(rubrics[1], make_approval(project).interaction, None)  # it was not asked yet
    second, first = judge_agreement(project)
    assert (first.version, first.number, first.alike, first.kappa) == (1, 4, 4, 1.0)
    assert (second.version, second.number, second.alike, second.kappa) == (2, 4, 3, 0.5)
    page = browser.get("/p/fern/scores/").content.decode()
    assert "too few to tell" in page
    assert "judge-1" in page


def test_a_rubric_is_versioned_and_of_two_edits_at_once_the_second_is_told(project, browser):
    page = browser.get("/p/fern/scores/").content.decode()
    assert "Save as version 1" in page
    assert "Is the answer right" in page
    form = {"rubric": "Is it kind?\r\nYes: 1", "threshold": "0,4", "share": "12.5", "after": "0"}
    assert browser.post("/p/fern/scores/", form).status_code == 302
    rubric = Metric.objects.get()
    assert (rubric.version, rubric.description, rubric.threshold, rubric.share) == (
        1,
        "Is it kind?\nYes: 1",
        0.4,
        0.125,
    )
    refused = browser.post("/p/fern/scores/", {**form, "rubric": f"Mine {HOSTILE}"})
    page = refused.content.decode()
    assert refused.status_code == 409
    assert "Saved meanwhile, version 1" in page
    assert "Mine &lt;script&gt;" in page
    assert Metric.objects.count() == 1


@pytest.mark.parametrize("wrong", [{"share": "101"}, {"share": "many"}, {"threshold": "nan"}, {"rubric": " "}])
def test_a_rubric_that_cannot_be_is_refused_and_what_was_typed_stays(project, browser, wrong):
    form = {"rubric": "Is it kind?", "threshold": "0.4", "share": "10", "after": "0", **wrong}
    refused = browser.post("/p/fern/scores/", form)
    assert refused.status_code == 422
    assert "Not saved" in refused.content.decode()
    assert not Metric.objects.exists()


def test_the_page_says_whether_a_judge_is_set_and_what_it_owes(project, browser, monkeypatch):
    assert "None is set, so none is asked" in browser.get("/p/fern/scores/").content.decode()
    monkeypatch.setattr(settings, "LABELHUB_JUDGE_URL", "http://user:password@judge.example/v1")
    monkeypatch.setattr(settings, "LABELHUB_JUDGE_MODEL", "judge-1")
    rubric = make_rubric(project)
    make_score(rubric, make_interaction(project), None)
    make_score(rubric, make_interaction(project), None, note=f"It said {HOSTILE}")
    page = browser.get("/p/fern/scores/").content.decode()
    assert "1 answer waits." in page
    assert "1 answer got no score." in page
    assert "It said &lt;script&gt;" in page
    assert "judge.example" not in page


def test_strangers_and_experts_get_404(project):
    for user in (make_member(make_project(), Role.ADMIN), make_member(project)):
        client = Client()
        client.force_login(user)
        assert client.get("/p/fern/scores/").status_code == 404
        assert client.post("/p/fern/scores/", {"rubric": "x"}).status_code == 404


def test_a_project_without_scores_says_what_will_stand_here(browser):
    page = browser.get("/p/fern/scores/").content.decode()
    assert "No scores yet" in page
    assert "newest 10,000 answers" in page
    assert "How far it agrees with the experts stands here" in page


def test_the_page_takes_as_many_queries_for_many_scores_as_for_few(project, browser):
    def queries(more):
        rubric = make_rubric(project, version=more)
        for number in range(more):
            row = make_approval(project).interaction
            make_score(make_metric(project, f"metric {more} {number}"), row)
            make_score(rubric, row)
            make_feedback(row)
        with CaptureQueriesContext(connection) as caught:
            browser.get("/p/fern/scores/?of=reception&days=30")
        return len(caught)

    assert queries(2) == queries(6)


def test_a_sessions_trail_shows_the_scores_of_its_answers(project, browser):
    metric, row = make_metric(project), make_interaction(project)
    make_score(metric, row, 0.1, note=HOSTILE)
    make_score(make_rubric(project), row, None)
    page = browser.get(f"/p/fern/sessions/{row.session_id}/").content.decode()
    assert "tone 0.10" in page
    assert HOSTILE not in page
    assert "judge" not in page
