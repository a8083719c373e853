import threading

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now

from annotations.review.actions.approvals import approve, send_back
from annotations.review.actions.claims import claim, claim_next, release, skip
from annotations.review.actions.drafts import save_draft
from annotations.review.actions.labels import as_payload, submit
from annotations.review.models import Approval, Claim, Draft, Label, ReviewTask
from labelhub.errors import Invalid, NotAllowed, NotFound, StaleState
from labelhub.projects.rights import Role
from tests.factories import (
    FLAWED,
    make_approval,
    make_interaction,
    make_label,
    make_member,
    make_project,
    make_queue,
    make_task,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return make_project()


@pytest.fixture
def expert(project):
    return make_member(project)


@pytest.fixture
def moderator(project):
    return make_member(project, Role.MODERATOR)


@pytest.fixture
def queue(project):
    return make_queue(project)


def expire(held):
    Claim.objects.filter(pk=held.pk).update(leased_until=Now())


def test_claim_next_serves_the_most_urgent_then_the_oldest(queue, expert):
    low, high, second = make_task(queue), make_task(queue, priority=20), make_task(queue, priority=20)
    served = []
    while held := claim_next(queue, by=expert):
        served.append(held.task_id)
        skip(held, by=expert, reason="next")
    assert served == [high.pk, second.pk, low.pk]


def test_claim_next_again_gives_the_task_already_held(queue, expert):
    make_task(queue), make_task(queue)
    assert claim_next(queue, by=expert).task_id == claim_next(queue, by=expert).task_id


def test_claim_skips_tasks_leased_to_others_until_their_lease_ends(project, queue, expert):
    make_task(queue)
    held = claim_next(queue, by=expert)
    other = make_member(project)
    assert claim_next(queue, by=other) is None
    expire(held)
    assert claim_next(queue, by=other).task_id == held.task_id


def test_a_released_task_is_served_again(project, queue, expert):
    make_task(queue)
    held = claim_next(queue, by=expert)
    release(held, by=expert, fence=held.fence)
    assert claim_next(queue, by=make_member(project)).task_id == held.task_id


def test_a_stranger_claims_nothing(queue):
    make_task(queue)
    with pytest.raises(NotFound):
        claim_next(queue, by=make_member(make_project()))


@pytest.mark.django_db(transaction=True)
@pytest.mark.bar("3a-19", "R3")
def test_reviewers_who_press_next_at_once_get_different_tasks():
    project = make_project()
    queue = make_queue(project)
    people = [make_member(project) for _ in range(8)]
    for _ in range(5):
        make_task(queue)
    got, start = [], threading.Barrier(8)

    def press(person):
        start.wait()
        held = claim_next(queue, by=person)
        got.append(held and held.task_id)
        connection.close()

    threads = [threading.Thread(target=press, args=[person]) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    served = [task for task in got if task]
    assert len(served) == len(set(served))
    assert claim_next(queue, by=people[0]) is None or len(served) == 5


def test_submit_stores_the_judgement_and_closes_the_task(queue, expert):
    task = make_task(queue)
    output = task.interaction.output
    comment = {"start": 4, "end": 11, "exact": output[4:11], "text": "which one?", "category": "too-vague"}
    label = make_label(
        task, expert, **FLAWED, rewrite="The lantern costs 39 euros.", comments=[comment], note="new list"
    )
    task.refresh_from_db()
    assert task.state == ReviewTask.State.SUBMITTED
    assert label.comments.get().exact == "lantern"
    assert (label.taxonomy.version, label.guidelines.version) == (1, 1)
    assert as_payload(label)["categories"] == FLAWED["categories"]


def test_replacements_on_spans_imply_the_rewrite(queue, expert):
    task = make_task(queue)
    change = {"start": 18, "end": 20, "exact": "45", "replacement": "39"}
    assert make_label(task, expert, **FLAWED, comments=[change]).rewrite == "The lantern costs 39 euros."


@pytest.mark.bar("3a-28")
def test_spans_count_code_points_behind_an_emoji(queue, expert):
    task = make_task(queue, make_interaction(queue.project, output="\U0001f4a9This is an annotation."))
    span = {"start": 12, "end": 22, "exact": "annotation", "text": "here"}
    comment = make_label(task, expert, **FLAWED, comments=[span]).comments.get()
    assert task.interaction.output[comment.start : comment.end] == comment.exact == "annotation"


@pytest.mark.bar("3a-27")
@pytest.mark.parametrize(
    "span",
    [
        {"start": 5, "end": 4, "exact": "x"},
        {"start": 0, "end": 999, "exact": "x"},
        {"start": -1, "end": 3, "exact": "x"},
        {"start": 0.5, "end": 3, "exact": "x"},
        {"start": 3, "end": 3, "exact": ""},
        {"start": 0, "end": 3, "exact": "Teh"},
        {"start": True, "end": 3, "exact": "he"},
    ],
)
def test_a_span_that_does_not_hold_is_refused_and_nothing_is_stored(queue, expert, span):
    task = make_task(queue)
    held = claim(task, by=expert)
    with pytest.raises(Invalid):
        submit(task, by=expert, fence=held.fence, payload={**FLAWED, "comments": [{**span, "text": "?"}]})
    assert not Label.objects.exists()


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"verdict": "flawed"},
        {"verdict": "splendid"},
        {"verdict": "good", "rewrite": "Better."},
        {"verdict": "flawed", "categories": [{"category": "no-such"}]},
        {"verdict": "flawed", "categories": [{"category": "other", "severity": 4}]},
        {**FLAWED, "rewrite": "The lantern costs 45 euros."},
        {**FLAWED, "surprise": 1},
    ],
)
def test_a_judgement_that_does_not_hang_together_is_refused_with_a_reason(queue, expert, payload):
    task = make_task(queue)
    with pytest.raises(Invalid) as refusal:
        submit(task, by=expert, fence=claim(task, by=expert).fence, payload=payload)
    assert refusal.value.detail


@pytest.mark.bar("3a-20")
def test_submitting_twice_makes_one_label(queue, expert):
    task = make_task(queue)
    held = claim(task, by=expert)
    submit(task, by=expert, fence=held.fence, payload={"verdict": "good"})
    with pytest.raises(StaleState):
        submit(task, by=expert, fence=held.fence, payload={"verdict": "good"})
    assert Label.objects.count() == 1


@pytest.mark.bar("3a-21")
def test_submit_after_the_lease_ended_works_unless_somebody_else_has_the_task(project, queue, expert):
    first, second = make_task(queue), make_task(queue)
    held = claim(first, by=expert)
    expire(held)
    assert submit(first, by=expert, fence=held.fence, payload={"verdict": "good"}).pk
    held = claim(second, by=expert)
    save_draft(second, by=expert, fence=held.fence, version=0, content={"note": "mine"})
    expire(held)
    claim(second, by=make_member(project))
    with pytest.raises(StaleState):
        submit(second, by=expert, fence=held.fence, payload={"verdict": "good"})
    assert Draft.objects.get(task=second).content == {"note": "mine"}


def test_a_draft_saved_in_another_tab_is_never_overwritten(queue, expert):
    task = make_task(queue)
    fence = claim(task, by=expert).fence
    assert save_draft(task, by=expert, fence=fence, version=0, content={"note": "a"}).version == 1
    assert save_draft(task, by=expert, fence=fence, version=1, content={"note": "b"}).version == 2
    for version in (0, 1):
        with pytest.raises(StaleState) as refusal:
            save_draft(task, by=expert, fence=fence, version=version, content={"note": "other tab"})
        assert refusal.value.extra == {"draft": {"note": "b"}, "version": 2}


@pytest.mark.bar("R5")
def test_a_tab_that_never_heard_that_it_was_saved_is_no_other_tab(queue, expert):
    task = make_task(queue)
    fence = claim(task, by=expert).fence
    save = lambda version, **content: save_draft(task, by=expert, fence=fence, version=version, content=content)  # noqa: E731
    save(0, note="a", tab="one")
    assert save(0, note="ab", tab="one").version == 2
    assert save(0, note="abc", tab="one").version == 3
    save(3, note="of the other", tab="two")
    with pytest.raises(StaleState):
        save(3, note="abcd", tab="one")
    assert Draft.objects.get().content["note"] == "of the other"


def test_approval_makes_the_rewrite_gold_and_a_newer_one_supersedes_it(project):
    first = make_approval(project)
    task = make_task(make_queue(project), first.interaction)
    label = make_label(task, make_member(project), **FLAWED, rewrite="The lantern costs 35 euros.")
    newer = approve(label, by=make_member(project, Role.MODERATOR))
    assert list(Approval.objects.current()) == [newer]
    assert Approval.objects.count() == 2


@pytest.mark.bar("S12")
def test_the_author_cannot_approve_by_the_action_nor_by_the_database(project, queue):
    author = make_member(project, Role.MODERATOR)
    label = make_label(make_task(queue), author)
    with pytest.raises(NotAllowed):
        approve(label, by=author)
    with pytest.raises(IntegrityError, match="author_is_not_approver"), transaction.atomic():
        Approval.objects.create(project=project, label=label, interaction=label.task.interaction, by=author)
    approval = approve(label, by=make_member(project, Role.MODERATOR))
    with pytest.raises(IntegrityError, match="author_is_not_approver"), transaction.atomic():
        Approval.objects.filter(pk=approval.pk).update(by=author)
    with pytest.raises(IntegrityError, match="label_author_stays"), transaction.atomic():
        Label.objects.filter(pk=label.pk).update(author=approval.by)


def test_an_expert_cannot_approve(project, queue, expert):
    with pytest.raises(NotAllowed):
        approve(make_label(make_task(queue), expert), by=make_member(project))


def test_a_label_is_decided_on_once(queue, expert, moderator):
    label = make_label(make_task(queue), expert)
    approve(label, by=moderator)
    with pytest.raises(StaleState):
        approve(label, by=moderator)
    with pytest.raises(StaleState):
        send_back(label, by=moderator, reason="no")


def test_a_returned_label_comes_back_to_its_author_as_a_draft_with_the_reason(queue, expert, moderator):
    task = make_task(queue)
    label = make_label(task, expert, **FLAWED, rewrite="The lantern costs 39 euros.")
    send_back(label, by=moderator, reason="Say which lantern.")
    held = claim_next(queue, by=expert)
    assert held.task_id == task.pk
    assert Draft.objects.get(task=task, by=expert).content["rewrite"] == "The lantern costs 39 euros."
    again = submit(
        task, by=expert, fence=held.fence, payload={**FLAWED, "rewrite": "The small lantern costs 39 euros."}
    )
    assert list(Label.objects.waiting()) == [again]
