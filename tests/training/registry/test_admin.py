"""The admin pages: scoped to one's projects, asking the same actions, fit for a strict CSP."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from labelhub.projects.rights import Role
from tests.factories import make_approval, make_member, make_project
from tests.training.makers import make_case, make_evaluation, make_run, make_snapshot, make_suite, make_version
from training.registry.actions import report
from training.registry.live import live_version
from training.runs.models import RunMetric, TrainingRun

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("models")]
INLINE = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>|<style|\sstyle=|\son[a-z]+=\"")


@pytest.fixture
def project():
    project = make_project()
    project.test_share = 0.0
    project.save()
    return project


@pytest.fixture
def admin(project):
    return make_member(project, Role.ADMIN)


@pytest.fixture
def show(client, admin):
    client.force_login(admin)

    def get(name, *args, **query):
        response = client.get(reverse(f"admin:training_{name}", args=args), query)
        if response.status_code == 200:
            assert not INLINE.search(response.content.decode()), INLINE.search(response.content.decode())
        return response

    return get


def post(client, name, *args, **fields):
    return client.post(reverse(f"admin:training_{name}", args=args), fields, follow=True)


def test_data_is_frozen_looked_at_and_launched(client, project, show, worker):
    make_approval(project)
    make_approval(project, prompt="Do you ship to Norway?", output="Yes, in 5 days.", rewrite="")
    assert b"Freeze the data first" in show("trainingrun_launch").content
    frozen = post(client, "trainingrun_freeze", project=project.slug, good_rows=0, rehearsal_per_correction=2)
    text = frozen.content.decode()
    assert "over the number of good answers asked for" in text.lower()
    assert "The lantern costs 39 euros." in text
    token = re.search(r'name="token" value="([0-9a-f]+)"', text)[1]
    fields = {"project": project.slug, "snapshot": 1, "token": token, "recipe": "quick"}
    refused = post(client, "trainingrun_launch", **fields, reason=" ")
    assert refused.status_code == 422
    assert not TrainingRun.objects.exists()
    assert b"This field is required" in refused.content
    for _ in range(2):
        launched = post(client, "trainingrun_launch", **fields, reason="a double click")
        assert b"Queued" in launched.content
    assert TrainingRun.objects.get().reason == "a double click"
    again = show("trainingrun_launch")
    assert b"Run 1 is under way" in again.content


@pytest.fixture
def launch_form(client, show, project, worker):
    """Posts the launch form of a project with two snapshots."""
    for n in (1, 2):
        make_snapshot(project, rows=n)
    fields = {"project": project.slug, "token": "t", "recipe": "quick", "reason": "try", "snapshot": "1"}
    return lambda **over: client.post(reverse("admin:training_trainingrun_launch"), {**fields, **over})


@pytest.mark.parametrize("written", ["1", "1.0", " 1 "])
def test_the_snapshot_that_the_form_names_is_the_one_that_is_launched(launch_form, written):
    assert launch_form(snapshot=written).status_code == 302
    assert TrainingRun.objects.get().snapshot.number == 1


@pytest.mark.parametrize("written", ["", "x", "²", "-1", "0", "1.5", "9" * 12])
def test_a_launch_of_no_snapshot_in_particular_is_refused_with_words(launch_form, written):
    refused = launch_form(snapshot=written)
    assert refused.status_code == 422
    assert "snapshot: " in refused.content.decode()
    assert not TrainingRun.objects.exists()


def test_a_launch_of_a_snapshot_that_there_is_not_finds_nothing(launch_form):
    assert launch_form(snapshot="7").status_code == 404


def test_a_form_that_is_refused_shows_the_snapshot_that_it_would_launch(launch_form):
    refused = launch_form(reason=" ")
    assert refused.status_code == 422
    assert refused.context["snapshot"].number == 1
    assert 'name="snapshot" value="1"' in refused.content.decode()
    assert len(refused.context["rows"]) == 1, "the second snapshot has two"


def test_a_reason_is_kept_as_the_api_keeps_it(launch_form):
    assert launch_form(reason="one\r\ntwo \x00 " + "x" * 300).status_code == 422
    assert launch_form(reason="one\r\ntwo \x00").status_code == 302
    assert TrainingRun.objects.get().reason == "one\ntwo \\u0000"


def test_what_the_launch_refuses_is_said_on_the_page_with_422(launch_form, project):
    launch_form()
    refused = launch_form(token="u")
    assert refused.status_code == 422
    assert "Run 1 of this project is under way" in refused.content.decode()


@pytest.mark.parametrize(
    ("asked", "status"), [("1", 200), ("", 200), ("²", 404), ("x", 404), ("9" * 12, 404), ("7", 404)]
)
def test_the_address_of_the_launch_page_names_a_snapshot_or_nothing(project, show, asked, status):
    make_snapshot(project)
    assert show("trainingrun_launch", project=project.slug, snapshot=asked).status_code == status


def test_a_run_that_waits_is_cancelled_at_once_and_the_page_says_so(client, project, show):
    waiting = make_run(project, state="queued")
    assert b"Run 1 is cancelled." in post(client, "trainingrun_cancel", waiting.pk).content
    running = make_run(project, state="running")
    assert b"Run 2 stops at its next step." in post(client, "trainingrun_cancel", running.pk).content


def test_a_run_is_watched_without_sending_what_has_not_changed(client, project, show, admin):
    run = make_run(project, state="running", step=2)
    RunMetric.objects.bulk_create(RunMetric(run=run, step=n, loss=2 / n, eval_loss=2.1 / n) for n in (1, 2))
    text = show("trainingrun_change", run.pk).content.decode()
    assert "<polyline" in text
    seen = re.search(r"seen=([0-9a-f]{16})", text)[1]
    assert show("trainingrun_live", run.pk, seen=seen).status_code == 204
    TrainingRun.objects.filter(pk=run.pk).update(step=3)
    changed = show("trainingrun_live", run.pk, seen=seen)
    assert b"3 of " in changed.content
    post(client, "trainingrun_cancel", run.pk)
    run.refresh_from_db()
    assert run.cancel_asked_by == admin


def test_a_run_that_ended_is_not_polled(project, show):
    run = make_run(project, state="failed", failure="step 7: the loss is not finite")
    text = show("trainingrun_change", run.pk).content.decode()
    assert "hx-trigger" not in text
    assert "the loss is not finite" in text


def test_a_version_is_compared_promoted_and_rolled_back(client, project, show):
    version = make_version(project)
    waiting = show("modelversion_change", version.pk).content.decode()
    assert "Not compared yet" in waiting
    assert re.search(r"<button[^>]*disabled[^>]*>Promote to production", waiting)
    report(make_evaluation(version, siblings=(40, 40, 39)))
    text = show("modelversion_change", version.pk).content.decode()
    assert "Version 1 against the base" in text
    assert "Right before, wrong now" in text
    assert not re.search(r"<button[^>]*disabled[^>]*>Promote to production", text)
    done = post(client, "modelversion_promote", version.pk, slot="production", note="good")
    assert b"Version 1 is live in production." in done.content
    assert live_version(project) == version
    assert b"Say why" in post(client, "modelversion_rollback", version.pk, slot="production", reason=" ").content
    back = post(client, "modelversion_rollback", version.pk, slot="production", reason="complaints")
    assert b"The base is live in production again." in back.content
    assert live_version(project) is None


def test_a_refused_version_says_why_and_cannot_be_promoted(client, project, show):
    version = make_version(project)
    report(make_evaluation(version, held_out=(60, 30, 30)))
    text = show("modelversion_change", version.pk).content.decode()
    assert "Not promotable: The gate refuses Version 1." in text
    assert b"The gate refuses Version 1." in post(client, "modelversion_promote", version.pk, slot="production").content
    assert live_version(project) is None


class TestRetiringACase:
    @pytest.fixture
    def suite(self, project):
        return make_suite(project, "heldout")

    def test_it_is_found_on_the_suites_page_and_leaves_it_with_a_reason(self, client, show, suite):
        case, other = make_case(suite, "How heavy is it?", "2 kg."), make_case(suite, "How long is it?", "2 m.")
        page = show("suite_change", suite.pk).content.decode()
        assert reverse("admin:training_suite_retire", args=[case.pk]) in page
        asked = show("suite_retire", case.pk).content.decode()
        assert "How heavy is it?" in asked
        assert "2 kg." in asked
        refused = post(client, "suite_retire", case.pk, reason=" ")
        assert refused.status_code == 422
        assert b"This field is required" in refused.content
        done = post(client, "suite_retire", case.pk, reason="nobody\r\nasks")
        assert f"Case {case.pk} is retired" in done.content.decode()
        case.refresh_from_db()
        assert case.retired_reason == "nobody\nasks"
        assert reverse("admin:training_suite_retire", args=[case.pk]) not in done.content.decode()
        again = post(client, "suite_retire", case.pk, reason="again")
        assert (again.status_code, b"has left its suite before" in again.content) == (422, True)
        assert list(suite.cases.asked()) == [other]

    def test_one_case_is_found_by_its_number_and_older_ones_on_further_pages(self, show, suite, monkeypatch):
        monkeypatch.setattr("training.registry.pages.CASES", 2)
        first, second, _ = (make_case(suite, f"How heavy is {n}?", "2 kg.") for n in "abc")
        newest = show("suite_change", suite.pk).content.decode()
        assert [f"How heavy is {n}?" in newest for n in "abc"] == [False, True, True]
        assert f"?before={second.pk}" in newest
        older = show("suite_change", suite.pk, before=second.pk).content.decode()
        assert [f"How heavy is {n}?" in older for n in "abc"] == [True, False, False]
        one = show("suite_change", suite.pk, case=first.pk).content.decode()
        assert [f"How heavy is {n}?" in one for n in "abc"] == [True, False, False]
        assert "has no case 7" in show("suite_change", suite.pk, case=7).content.decode()
        assert show("suite_change", suite.pk, case="²").status_code == 404

    def test_a_case_of_others_is_not_found(self, client, show):
        foreign = make_case(make_suite(make_project(), "heldout"), "How heavy is it?", "2 kg.")
        assert show("suite_retire", foreign.pk).status_code == 404
        assert show("suite_change", foreign.suite_id).status_code == 404
        assert post(client, "suite_retire", foreign.pk, reason="x").status_code == 404
        foreign.refresh_from_db()
        assert foreign.retired_at is None


NAMES = ["trainingrun", "modelversion", "datasetsnapshot", "evaluation", "promotion", "suite"]


@pytest.mark.parametrize("name", NAMES)
def test_lists_show_ones_own_projects_only_and_nothing_can_be_edited(client, project, show, name):
    mine = make_version(project)
    theirs = make_version(make_project(), seed=3)
    for version in (mine, theirs):
        make_evaluation(version, held_out=(1, 0, 1), siblings=(1, 1, 1))
    text = show(f"{name}_changelist").content.decode()
    assert theirs.project.name not in text.replace(project.name, "")
    assert show(f"{name}_add").status_code == 403


def test_what_belongs_to_others_is_not_found(client, show):
    foreign = make_version(make_project())
    assert show("modelversion_change", foreign.pk).status_code == 404
    assert show("trainingrun_change", foreign.run.pk).status_code == 404
    assert show("trainingrun_live", foreign.run.pk).status_code == 404
    assert show("trainingrun_launch", project=foreign.project.slug).status_code == 404
    for name in ("promote", "rollback", "evaluate"):
        assert post(client, f"modelversion_{name}", foreign.pk).status_code == 404
    assert post(client, "trainingrun_cancel", foreign.run.pk).status_code == 404


def test_pages_need_as_many_queries_for_many_rows_as_for_few(project, show):
    needed = []
    for rows in (3, 30):
        version = make_version(project, run=make_run(project, snapshot=make_snapshot(project, rows=rows)))
        report(make_evaluation(version))
        with CaptureQueriesContext(connection) as queries:
            show("modelversion_change", version.pk)
        needed.append(len(queries))
    assert needed[1] <= needed[0] <= 60


def test_moderators_have_no_admin(client, project):
    client.force_login(make_member(project, Role.MODERATOR))
    assert client.get(reverse("admin:training_trainingrun_changelist")).status_code == 302
