"""Where each case stands: every step by the act that reaches it, what blocks the next, and who may see it."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from annotations.guidance.models import Injection
from annotations.review.actions.approvals import approve, approve_next, send_back
from annotations.review.actions.labels import withdraw
from annotations.review.actions.pairs import Pair, add_pairs
from annotations.review.models import ReviewTask
from annotations.triage.actions.decisions import dismiss, escalate, route
from annotations.triage.actions.flags import flag, raise_flags, rules_of
from annotations.triage.actions.issues import make_issue_of
from labelhub.errors import Invalid, NotFound
from labelhub.projects.rights import Role
from tests.factories import (
    FLAWED,
    make_feedback,
    make_interaction,
    make_key,
    make_label,
    make_member,
    make_project,
    make_queue,
    make_task,
    make_vector,
)
from tests.training.makers import (
    make_case,
    make_evaluation,
    make_row,
    make_run,
    make_snapshot,
    make_suite,
    make_version,
)
from training.datasets.models import LeftOut
from training.evaluation.models import CaseResult
from training.loop import standing
from training.loop.cases import STOPS, cases
from training.loop.standing import STEPS, board, standing_of
from training.registry.models import Promotion

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hashed_static")]
GOLD = "The lantern costs 39 euros."


@pytest.fixture
def interaction(queue):
    return make_interaction(queue.project)


@pytest.fixture
def browser(moderator):
    return signed_in(moderator)


def signed_in(person):
    client = Client()
    client.force_login(person)
    return client


def where(interaction):
    """(stop, words) of the case; the board finds it there and nowhere else."""
    wait = standing_of(interaction.project, interaction.pk).wait
    found = [stop for stop in STOPS if cases(interaction.project, stop).filter(pk=interaction.pk).exists()]
    assert found == [wait.stop]
    return wait.stop, wait.words


def step(interaction, name):
    return next(one for one in standing_of(interaction.project, interaction.pk).steps if one.name == name)


def flagged(interaction):
    raise_flags(interaction.project, [(rules_of(interaction.project)[0], interaction, "thumb down")])
    return interaction.session


def approved(interaction, queue, expert, moderator, **payload):
    label = make_label(make_task(queue, interaction), expert, **(payload or {**FLAWED, "rewrite": GOLD}))
    return approve(label, by=moderator)


def frozen(approval):
    """A snapshot with the correction in it."""
    snapshot = make_snapshot(approval.project, rows=1)
    about = {"approval": approval, "interaction": approval.interaction, "kind": "correction"}
    make_row(snapshot, 9, approval.interaction.prompt, GOLD, **about)
    return snapshot


def evaluated(version, approval, *, right):
    """An evaluation that asks the version what was corrected."""
    suite, about = (
        make_suite(version.project, "regression"),
        {"approval": approval, "interaction": approval.interaction},
    )
    there = suite.cases.filter(approval=approval).first()
    case = there or make_case(suite, approval.interaction.prompt, GOLD, **about)
    evaluation = make_evaluation(version, held_out=(0, 0, 0), siblings=(0, 0, 0))
    facts = {"slice": "corrected", "seen": True, "before_exact": False, "after_exact": right}
    CaseResult.objects.create(evaluation=evaluation, case=case, **facts)
    return evaluation


def test_a_case_walks_from_its_report_to_the_verified_fix(queue, expert, moderator, interaction):
    project = queue.project
    make_feedback(interaction)
    assert where(interaction) == ("flagged", "nothing has flagged it, and it is in no queue")
    session = flagged(interaction)
    assert where(interaction) == ("labeled", "in no queue yet: waits for a moderator")
    route(session, queue=queue, by=moderator)
    assert where(interaction) == ("labeled", f"waits for an expert in the queue {queue}")
    label = make_label(ReviewTask.objects.get(), expert, **FLAWED, rewrite=GOLD)
    assert where(interaction) == ("approved", "waits for a second person")
    approval = approve(label, by=moderator)
    assert where(interaction) == ("snapshot", "waits for the next training run")
    snapshot = frozen(approval)
    assert where(interaction) == ("version", f"waits for a run on snapshot {snapshot.number}")
    run = make_run(project, snapshot=snapshot, state="running")
    assert where(interaction) == ("version", f"run {run.number} is running")
    version = make_version(project, run=run)
    assert where(interaction) == ("verified", f"waits for an evaluation of version {version.number}")
    evaluated(version, approval, right=True)
    assert where(interaction) == ("done", "no version that learned from it is live: waits for a promotion")
    Promotion.objects.create(project=project, version=version, slot="production", by=moderator)
    assert where(interaction) == ("done", "")
    make_vector(interaction, [0.1] * 384)
    assert [one.look for one in standing_of(project, interaction.pk).steps] == ["done"] * len(STEPS)


def test_each_step_says_when_who_and_what(queue, expert, moderator, interaction):
    sign = make_feedback(interaction)
    flagged(interaction)
    approval = approved(interaction, queue, expert, moderator)
    steps = {one.name: one for one in standing_of(queue.project, interaction.pk).steps}
    assert list(steps) == list(STEPS)
    assert (steps["reported"].at, steps["reported"].words) == (sign.occurred_at, "thumb down")
    assert (steps["flagged"].by, steps["flagged"].words) == ("a rule", "thumb down")
    assert (steps["labeled"].at, steps["labeled"].by) == (approval.label.created_at, str(expert))
    assert (steps["approved"].at, steps["approved"].by) == (approval.at, str(moderator))
    assert [one.look for one in steps.values()] == ["done"] * 4 + ["later", "now", "later", "later"]


def test_it_waits_since_the_step_before(queue, moderator, interaction):
    make_feedback(interaction, occurred_at=timezone.now() - timedelta(days=3))
    since = standing_of(queue.project, interaction.pk).wait.since
    assert timezone.now() - since > timedelta(days=2)
    task = make_task(queue, interaction)
    task.refresh_from_db()
    assert standing_of(queue.project, interaction.pk).wait.since == task.created_at


def test_what_a_person_flagged_is_reported_by_them(queue, expert, interaction):
    flag(interaction, by=expert, reason="Is that so?")
    reported = step(interaction, "reported")
    assert (reported.by, reported.words) == (str(expert), "Is that so?")


def test_what_a_rule_found_was_reported_by_nobody(interaction):
    flagged(interaction)
    reported = step(interaction, "reported")
    assert (reported.at, reported.look, reported.words) == (None, "passed", "by nobody")


def test_a_decision_of_a_moderator_closes_it_or_says_who_is_asked(queue, moderator):
    project = queue.project
    noise, slow, hard = (make_interaction(project) for _ in range(3))
    for one in (noise, slow, hard):
        flagged(one)
    dismiss(noise.session, by=moderator, reason="spam")
    make_issue_of(slow.session, title="Slow parcels", by=moderator)
    escalate(hard.session, by=moderator, reason="Is it a recall?")
    assert where(noise) == ("closed", f"dismissed by {moderator}: spam")
    assert where(slow) == ("closed", f"not the model’s fault, says {moderator}: Slow parcels")
    assert where(hard) == ("labeled", f"waits for an admin, asked by {moderator}: Is it a recall?")
    assert {one.look for one in standing_of(project, noise.pk).steps} == {"done", "passed"}
    flagged_again = flag(noise, by=moderator, reason="It is not.")
    assert where(noise) == ("labeled", "in no queue yet: waits for a moderator")
    assert standing_of(project, noise.pk).wait.since == flagged_again.at


def test_what_was_sent_to_experts_and_is_in_no_queue_any_more_is_closed(queue, moderator, interaction):
    route(flagged(interaction), queue=queue, by=moderator)
    ReviewTask.objects.all().delete()
    assert where(interaction) == ("closed", f"sent to experts by {moderator}, but in no queue any more")


def test_what_was_sent_back_or_taken_back_waits_for_an_expert_again(queue, expert, moderator, interaction):
    label = make_label(make_task(queue, interaction), expert)
    back = send_back(label, by=moderator, reason="Which list?")
    assert standing_of(queue.project, interaction.pk).wait.since == back.at
    assert not cases(queue.project).exists(), "without a report, a flag or a label that stands it is no case"
    flagged(interaction)
    assert where(interaction) == ("labeled", f"sent back to {expert} by {moderator}, in the queue {queue}")
    withdraw(make_label(ReviewTask.objects.get(), expert), by=expert)
    assert where(interaction)[0] == "labeled"


@pytest.mark.parametrize("payload", [{"verdict": "good"}, FLAWED])
def test_an_answer_that_was_not_corrected_goes_into_no_prompt(queue, expert, moderator, interaction, payload):
    approved(interaction, queue, expert, moderator, **payload)
    make_vector(interaction, [0.1] * 384)
    context = step(interaction, "context")
    assert (context.at, context.words) == (None, "nothing to inject: the answer was not corrected")


def test_a_correction_can_be_injected_from_its_approval_on_and_tells_how_often_it_was(
    queue, expert, moderator, interaction
):
    approval = approved(interaction, queue, expert, moderator)
    assert step(interaction, "context").words == "cannot be injected yet: its question has no vector"
    make_vector(interaction, [0.1] * 384)
    assert step(interaction, "context").at == approval.at
    assert step(interaction, "context").words == "can be injected since then, was injected 0 times"
    Injection.objects.create(project=queue.project, approval=approval, prompt_sha256="0" * 64, similarity=1)
    assert step(interaction, "context").words.endswith("was injected 1 time")


def test_what_a_snapshot_left_out_says_why(queue, expert, moderator, interaction):
    approval = approved(interaction, queue, expert, moderator)
    snapshot = make_snapshot(queue.project, rows=1)
    LeftOut.objects.create(snapshot=snapshot, approval=approval, reason="test_split")
    why = f"left out of snapshot {snapshot.number}: kept out to test with (test split)"
    assert where(interaction) == ("snapshot", why)


def test_a_run_that_failed_and_an_answer_that_stayed_wrong_are_said(queue, expert, moderator, interaction):
    approval = approved(interaction, queue, expert, moderator)
    run = make_run(queue.project, snapshot=frozen(approval), state="failed", finished_at=Now())
    assert where(interaction) == ("version", f"run {run.number} failed: waits for another")
    version = make_version(queue.project, run=make_run(queue.project, snapshot=run.snapshot))
    evaluated(version, approval, right=False)
    assert where(interaction) == ("verified", f"version {version.number} still answers it otherwise")
    evaluated(version, approval, right=True)
    assert where(interaction)[0] == "done"


def test_a_newer_approval_has_its_own_way_to_go(queue, expert, moderator, interaction):
    frozen(approved(interaction, queue, expert, moderator))
    assert where(interaction)[0] == "version"
    approved(interaction, make_queue(queue.project), expert, moderator)
    assert where(interaction)[0] == "snapshot"


def test_neither_praise_nor_a_choice_between_two_answers_makes_a_case(queue, expert):
    praised, compared = make_interaction(queue.project), make_interaction(queue.project)
    make_feedback(praised, value=1)
    pairs = make_queue(queue.project, mode="pairwise")
    add_pairs(
        pairs, [Pair(compared.pk, compared.output, "It costs 39 euros.")], by=make_member(queue.project, Role.MODERATOR)
    )
    make_label(ReviewTask.objects.get(), expert, verdict="b")
    assert board(queue.project).standings == []
    assert standing_of(queue.project, praised.pk).wait.stop == ""


def test_the_board_shows_the_newest_first_and_leads_on(queue, browser, monkeypatch):
    monkeypatch.setattr(standing, "PAGE", 2)
    first, second, third = (make_interaction(queue.project, prompt=f"Case {n}?") for n in range(3))
    for one in (first, second, third):
        make_feedback(one)
    shown = browser.get(f"/p/{queue.project.slug}/cases/").content.decode()
    assert shown.index("Case 2?") < shown.index("Case 1?")
    assert "Case 0?" not in shown
    assert f"?before={second.pk}" in shown
    older = browser.get(f"/p/{queue.project.slug}/cases/?before={second.pk}").content.decode()
    assert "Case 0?" in older
    assert "?before=" not in older


def test_the_board_shows_those_of_one_stop_and_refuses_one_that_there_is_not(queue, browser):
    base = f"/p/{queue.project.slug}/cases/"
    assert "No cases yet" in browser.get(base).content.decode()
    reported, noticed = make_interaction(queue.project), make_interaction(queue.project)
    make_feedback(reported)
    flagged(noticed)
    shown = browser.get(f"{base}?at=flagged").content.decode()
    assert f"case-{reported.pk}" in shown
    assert f"case-{noticed.pk}" not in shown
    assert "No case stands at this step now" in browser.get(f"{base}?at=done").content.decode()
    for odd in ("nowhere", "reported", "pk; drop table", "stop__in"):
        assert browser.get(base, {"at": odd}).status_code == 422
    with pytest.raises(Invalid):
        board(queue.project, stop="nowhere")


def test_every_mark_has_its_words(queue, browser, interaction):
    make_feedback(interaction)
    shown = browser.get(f"/p/{queue.project.slug}/cases/").content.decode()
    for title, says in (("Flagged", "waits"), ("Labeled", "not yet"), ("Verified", "not yet")):
        assert f'<span class="unseen">{title}: {says}</span>' in shown


def test_the_page_of_a_case_leads_to_its_session_and_its_label(queue, expert, moderator, interaction, browser):
    make_feedback(interaction)
    label = approved(interaction, queue, expert, moderator).label
    shown = browser.get(f"/p/{queue.project.slug}/cases/{interaction.pk}/").content.decode()
    assert f"/sessions/{interaction.session_id}/#interaction-{interaction.pk}" in shown
    assert f"/approvals/{label.pk}/" in shown
    assert "Waits for the next training run" in shown
    session = browser.get(f"/p/{queue.project.slug}/sessions/{interaction.session_id}/").content.decode()
    assert f"/cases/{interaction.pk}/" in session


def test_only_who_triages_here_sees_it_and_a_foreign_case_is_as_unknown(queue, expert, interaction, browser):
    base, foreign = f"/p/{queue.project.slug}/cases/", make_interaction(make_project())
    for path in ("", f"{interaction.pk}/"):
        for person in (expert, make_member(make_project(), Role.ADMIN)):
            assert signed_in(person).get(base + path).status_code == 404
    for pk in (foreign.pk, 2**62, 2**70):
        assert browser.get(f"{base}{pk}/").status_code == 404
        with pytest.raises(NotFound):
            standing_of(queue.project, pk)


def test_thirty_cases_take_as_many_queries_as_one(queue, expert, moderator, browser):
    def queries(number):
        for n in range(number):
            one = make_interaction(queue.project, prompt=f"Question {number}.{n}?")
            make_feedback(one)
            escalate(flagged(one), by=moderator, reason="?")
            approval = approved(one, queue, expert, moderator)
            evaluated(
                make_version(queue.project, run=make_run(queue.project, snapshot=frozen(approval))),
                approval,
                right=True,
            )
            other = make_interaction(queue.project)
            send_back(make_label(make_task(queue, other), expert), by=moderator, reason="?")
            flagged(other)
        with CaptureQueriesContext(connection) as captured:
            assert browser.get(f"/p/{queue.project.slug}/cases/").status_code == 200
        return len(captured)

    assert queries(1) == queries(14)


def test_words_of_people_stay_words(queue, moderator, browser, interaction):
    bad = "<img src=x onerror=alert(1)>"
    type(interaction).objects.filter(pk=interaction.pk).update(prompt=bad)
    flag(interaction, by=moderator, reason=bad)
    dismiss(interaction.session, by=moderator, reason=bad)
    for path in ("", f"{interaction.pk}/"):
        shown = browser.get(f"/p/{queue.project.slug}/cases/{path}").content.decode()
        assert "<img src=x" not in shown
        assert "&lt;img src=x" in shown


def test_the_api_tells_the_same(queue, expert, moderator, interaction, client):
    make_feedback(interaction)
    approved(interaction, queue, expert, moderator)
    headers = {"Authorization": f"Bearer {make_key(queue.project, 'read', person=moderator)}"}
    told = client.get(f"/api/v1/interactions/{interaction.pk}/standing/", headers=headers).json()
    assert (told["at"], told["waits"]) == ("snapshot", "waits for the next training run")
    assert [one["step"] for one in told["steps"]] == list(STEPS)
    assert [bool(one["at"]) for one in told["steps"]] == [True, False, True, True, False, False, False, False]
    listed = client.get("/api/v1/interactions/standing/?at=snapshot", headers=headers).json()
    assert listed == {"items": [told], "more": None}
    assert client.get("/api/v1/interactions/standing/?at=nowhere", headers=headers).status_code == 422
    foreign = make_interaction(make_project())
    assert client.get(f"/api/v1/interactions/{foreign.pk}/standing/", headers=headers).status_code == 404


def test_what_a_policy_spares_what_people_dispute_and_what_waits_for_a_second_approval_says_so(queue, moderator):
    project = queue.project
    spared = make_task(make_queue(project, approve_which="share", approve_share=0.0))
    disputed = make_task(make_queue(project, overlap=2))
    twice = make_task(make_queue(project, approve_twice="every"))
    for task in spared, disputed, twice:
        label = make_label(task, make_member(project))
    approve_next(label, by=moderator, ground="checked")
    make_label(disputed, make_member(project), verdict="good")
    said = [standing_of(project, task.interaction_id).wait.words for task in (spared, disputed, twice)]
    assert said == [
        "put before no second person, by the policy of its queue",
        "waits for a moderator to settle what people said differently",
        f"approved by {moderator}, the first of two: waits for somebody else",
    ]
