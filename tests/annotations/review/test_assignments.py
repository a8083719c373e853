"""Tasks given to people, by hand and by a queue's rule: who is given one is served it, and nobody else."""

from datetime import timedelta
from itertools import pairwise

import pytest
from django.db.models.functions import Now
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from annotations.review.actions.assignments import assign
from annotations.review.actions.claims import claim, claim_next, release, skip, snooze
from annotations.review.actions.drafts import save_draft
from annotations.review.actions.labels import submit, withdraw
from annotations.review.actions.queues import update_queue
from annotations.review.actions.work import Work, add_tasks
from annotations.review.dealing import Undealt, deal, in_turn
from annotations.review.invariants import SEATS
from annotations.review.models import Assignment, Claim, Draft, Queue, ReviewTask
from annotations.review.progress import progress
from labelhub.errors import Invalid, NotAllowed, NotFound, StaleState
from labelhub.invariants import look
from labelhub.notices.models import Notice
from labelhub.projects.actions import remove_member
from labelhub.projects.models import Membership
from labelhub.projects.rights import Role
from tests.factories import make_interaction, make_label, make_member, make_project, make_queue, make_task

pytestmark = pytest.mark.django_db
ROUND_ROBIN, LOAD, PULL = Queue.Assignment.ROUND_ROBIN, Queue.Assignment.LOAD, Queue.Assignment.PULL


def by_rule(rule, *, experts=2, **over):
    """A queue that gives out its tasks, its experts, and who runs it."""
    queue = make_queue(make_project(), assignment=rule, **over)
    return queue, [make_member(queue.project) for _ in range(experts)], make_member(queue.project, Role.MODERATOR)


def put(queue, number, *, by):
    """`number` new tasks, put in one after the other."""
    made = [make_interaction(queue.project) for _ in range(number)]
    add_tasks(queue, [Work(one.pk, "new") for one in made], by=by)
    return list(ReviewTask.objects.filter(interaction__in=made).order_by("pk"))


def given_to(task):
    return {one.to for one in Assignment.objects.filter(task=task).select_related("to")}


def count_of(person):
    return Assignment.objects.filter(to=person).count()


def nothing_is_broken():
    return not any(look(one).breaches for one in SEATS)


def test_who_is_given_a_task_is_served_it_first_and_nobody_else_is(queue, expert, moderator):
    first, second = make_task(queue, priority=9), make_task(queue)
    assert assign(queue, [second.pk], to=[expert], by=moderator) == 1
    assert claim_next(queue, by=expert).task == second
    assert claim_next(queue, by=make_member(queue.project)).task == first
    assert claim_next(queue, by=make_member(queue.project)) is None


def test_what_is_given_to_somebody_counts_as_left_for_them_alone(queue, expert, moderator):
    task = make_task(queue)
    assign(queue, [task.pk], to=[expert], by=moderator)
    assert (progress(queue, expert)["left"], progress(queue, moderator)["left"]) == (1, 0)


def test_what_is_given_to_somebody_else_cannot_be_taken_by_its_address_either(queue, expert, moderator):
    task = make_task(queue)
    assign(queue, [task.pk], to=[expert], by=moderator)
    with pytest.raises(StaleState, match="given to somebody else"):
        claim(task, by=make_member(queue.project))


def test_given_to_nobody_a_task_is_for_everybody_again(queue, expert, moderator):
    task = make_task(queue)
    assign(queue, [task.pk], to=[expert], by=moderator)
    assign(queue, [task.pk], to=[], by=moderator)
    assert claim_next(queue, by=make_member(queue.project)).task == task


def test_given_to_somebody_else_it_is_served_to_them_and_not_to_the_first(queue, expert, moderator):
    task, other = make_task(queue), make_member(queue.project)
    assign(queue, [task.pk], to=[expert], by=moderator)
    assign(queue, [task.pk], to=[other], by=moderator)
    assert claim_next(queue, by=expert) is None
    assert claim_next(queue, by=other).task == task


def test_who_is_given_tasks_is_told_once_with_the_way_there(queue, expert, moderator):
    tasks = [make_task(queue).pk for _ in range(3)]
    assign(queue, tasks, to=[expert], by=moderator)
    assign(queue, tasks, to=[expert], by=moderator)  # nothing changes hands
    told = Notice.objects.get(user=expert)
    assert told.text == f"Gave you 3 answers to judge in {queue.name}"
    assert told.path == f"/p/{queue.project.slug}/q/{queue.slug}/"


def test_experts_give_nothing_out(queue, expert):
    with pytest.raises(NotAllowed):
        assign(queue, [make_task(queue).pk], to=[expert], by=expert)


def test_a_task_of_another_queue_is_not_found_and_nothing_is_given(queue, expert, moderator):
    mine, foreign = make_task(queue), make_task(make_queue(make_project()))
    with pytest.raises(NotFound):
        assign(queue, [mine.pk, foreign.pk], to=[expert], by=moderator)
    assert not given_to(mine)


def test_only_who_judges_in_the_queue_can_be_given_its_tasks(queue, expert, moderator):
    task, stranger = make_task(queue), make_member(make_project())
    update_queue(queue, by=moderator, reviewers=[make_member(queue.project)])
    for person in (stranger, expert):
        with pytest.raises(Invalid, match="Only people who judge in this queue"):
            assign(queue, [task.pk], to=[person], by=moderator)
    assert not given_to(task)


def test_what_is_judged_is_not_given_out(queue, expert, moderator):
    label = make_label(make_task(queue), by=expert)
    with pytest.raises(StaleState, match="1 of these are not open"):
        assign(queue, [label.task_id], to=[expert], by=moderator)


def test_where_several_judge_each_task_it_is_given_to_as_many(moderator):
    queue = make_queue(make_project(), overlap=2)
    head = make_member(queue.project, Role.MODERATOR)
    one, other, third = (make_member(queue.project) for _ in range(3))
    task = make_task(queue)
    with pytest.raises(Invalid, match="2 people judge each task"):
        assign(queue, [task.pk], to=[one], by=head)
    assign(queue, [task.pk], to=[one, other], by=head)
    assert claim_next(queue, by=third) is None
    assert {claim_next(queue, by=person).task for person in (one, other)} == {task}


def test_who_skips_what_they_were_given_is_not_given_it_again_and_others_are_offered_it(queue, expert, moderator):
    task = make_task(queue)
    assign(queue, [task.pk], to=[expert], by=moderator)
    skip(claim_next(queue, by=expert), by=expert, reason="not my field")
    assert claim_next(queue, by=expert) is None
    assert claim_next(queue, by=make_member(queue.project)).task == task


def test_what_was_given_to_somebody_who_leaves_is_for_everybody_again(queue, expert, moderator, run_jobs):
    task = make_task(queue)
    assign(queue, [task.pk], to=[expert], by=moderator)
    admin = Membership.objects.get(project=queue.project, role=Role.ADMIN).user
    remove_member(queue.project, expert, by=admin)
    run_jobs()
    assert not given_to(task)
    assert claim_next(queue, by=make_member(queue.project)).task == task


def test_who_is_named_no_reviewer_any_more_keeps_nothing(queue, expert, moderator):
    task, other = make_task(queue), make_member(queue.project)
    assign(queue, [task.pk], to=[expert], by=moderator)
    update_queue(queue, by=moderator, reviewers=[other])
    assert claim_next(queue, by=other).task == task


def test_with_more_judges_wanted_a_task_given_to_too_few_is_for_everybody_after_them(queue, expert, moderator):
    task = make_task(queue)
    assign(queue, [task.pk], to=[expert], by=moderator)
    update_queue(queue, by=moderator, overlap=2)
    assert claim_next(queue, by=make_member(queue.project)).task == task
    assert claim_next(queue, by=expert).task == task
    update_queue(queue, by=moderator, overlap=1)
    assert nothing_is_broken()


def test_new_tasks_are_given_in_turn_across_batches(run_jobs):
    queue, (one, other, third), head = by_rule(ROUND_ROBIN, experts=3)
    turns = []
    for number in (2, 3, 4):
        tasks = put(queue, number, by=head)
        run_jobs()
        turns += [given_to(task) for task in tasks]
    assert {count_of(person) for person in (one, other, third)} == {3}
    assert all(before != after for before, after in pairwise(turns))


def test_by_load_new_tasks_go_to_whom_the_least_waits_for(run_jobs):
    queue, (busy, idle), head = by_rule(LOAD)
    tasks = put(queue, 2, by=head)
    run_jobs()
    assert count_of(busy) == count_of(idle) == 1
    done = claim_next(queue, by=idle)
    submit(done.task, by=idle, fence=done.fence, payload={"verdict": "good"})
    (task,) = put(queue, 1, by=head)
    run_jobs()
    assert given_to(task) == {idle}
    assert len(tasks) == 2


def test_a_rule_gives_each_task_to_as_many_as_judge_it_and_never_twice_to_one(run_jobs):
    queue, people, head = by_rule(ROUND_ROBIN, experts=3, overlap=2)
    tasks = put(queue, 6, by=head)
    run_jobs()
    assert {len(given_to(task)) for task in tasks} == {2}
    assert {count_of(person) for person in people} == {4}
    assert set(ReviewTask.objects.filter(queue=queue).values_list("reserved", flat=True)) == {True}


def test_with_too_few_people_for_the_rule_everybody_takes_what_is_next(run_jobs):
    queue, (alone,), head = by_rule(ROUND_ROBIN, experts=1, overlap=2)
    (task,) = put(queue, 1, by=head)
    run_jobs()
    assert {claim_next(queue, by=person).task for person in (alone, head)} == {task}


def test_what_somebody_took_before_it_was_dealt_stays_theirs(run_jobs):
    queue, (one, other), head = by_rule(ROUND_ROBIN)
    (task,) = put(queue, 1, by=head)
    held = claim_next(queue, by=other)
    run_jobs()
    assert given_to(task) == {other}
    release(held, by=other, fence=held.fence)
    assert claim_next(queue, by=one) is None


def test_a_rule_names_somebody_else_where_one_skips(run_jobs):
    queue, (one, other), head = by_rule(ROUND_ROBIN)
    (task,) = put(queue, 1, by=head)
    run_jobs()
    first, second = (one, other) if given_to(task) == {one} else (other, one)
    skip(claim_next(queue, by=first), by=first, reason="not my field")
    run_jobs()
    assert given_to(task) == {second}


def test_a_rule_names_others_where_somebody_leaves(run_jobs):
    queue, (one, other), head = by_rule(LOAD)
    tasks = put(queue, 4, by=head)
    run_jobs()
    remove_member(queue.project, one, by=Membership.objects.get(project=queue.project, role=Role.ADMIN).user)
    run_jobs()
    assert {frozenset(given_to(task)) for task in tasks} == {frozenset({other})}


def test_a_rule_taken_up_later_gives_out_what_is_there_and_taken_back_only_what_it_gave(queue, run_jobs):
    head, people = make_member(queue.project, Role.MODERATOR), [make_member(queue.project) for _ in range(2)]
    by_hand, others = make_task(queue), [make_task(queue) for _ in range(3)]
    assign(queue, [by_hand.pk], to=[people[0]], by=head)
    update_queue(queue, by=head, assignment=ROUND_ROBIN)
    run_jobs()
    assert all(given_to(task) for task in others)
    update_queue(queue, by=head, assignment=PULL)
    assert given_to(by_hand) == {people[0]}
    assert not any(given_to(task) for task in others)
    assert nothing_is_broken()


def test_named_reviewers_are_dealt_to_and_moderators_are_not_unless_named(run_jobs):
    queue, (one, other), head = by_rule(ROUND_ROBIN)
    update_queue(queue, by=head, reviewers=[one])
    tasks = put(queue, 3, by=head)
    run_jobs()
    assert {frozenset(given_to(task)) for task in tasks} == {frozenset({one})}
    assert count_of(other) == count_of(head) == 0


def test_a_label_taken_back_is_its_authors_again_whomever_the_task_is_given_to(queue, expert, moderator):
    label = make_label(make_task(queue), by=expert)
    assert withdraw(label, by=expert).task == label.task


@given(st.integers(1, 6), st.integers(1, 40), st.data())
def test_dealing_is_even_and_gives_nobody_what_they_may_not_have(number, tasks, data):
    people = list(range(number))
    each = st.builds(Undealt, st.integers(), st.integers(1, number), st.sets(st.sampled_from(people), max_size=number))
    undealt = [Undealt(i, one.wanted, one.but) for i, one in enumerate(data.draw(st.lists(each, max_size=tasks)))]
    dealt = deal(undealt, people, {})
    assert len(dealt) == len(set(dealt))
    for one in undealt:
        given = {person for task, person in dealt if task == one.task}
        assert len(given) == min(one.wanted, number - len(set(one.but)))
        assert not given & set(one.but)
    if not any(one.but for one in undealt):
        loads = [sum(person == who for _, who in dealt) for person in people]
        assert max(loads) - min(loads) <= 1


def test_the_turn_goes_on_after_whom_it_stopped_at():
    assert in_turn([3, 5, 8], 5) == [8, 3, 5]
    assert in_turn([3, 5, 8], None) == in_turn([3, 5, 8], 7) == [3, 5, 8]


def tomorrow():
    return timezone.now() + timedelta(days=1)


def test_what_is_put_off_comes_back_with_its_words_when_its_time_has_come(queue, expert):
    make_task(queue)
    held = claim_next(queue, by=expert)
    save_draft(held.task, by=expert, fence=held.fence, version=0, content={"rewrite": "Half a thought"})
    snooze(held, by=expert, until=tomorrow(), fence=held.fence)
    assert claim_next(queue, by=expert) is None
    assert [one.task for one in Claim.objects.put_off(queue, expert)] == [held.task]
    Claim.objects.filter(pk=held.pk).update(snoozed_until=Now())
    again = claim_next(queue, by=expert)
    assert again.task == held.task
    assert again.snoozed_until is None
    assert Draft.objects.get(task=held.task, by=expert).content == {"rewrite": "Half a thought"}


def test_what_is_put_off_can_be_taken_before_its_time_and_others_may_take_it_too(queue, expert):
    make_task(queue)
    held = claim_next(queue, by=expert)
    snooze(held, by=expert, until=tomorrow(), fence=held.fence)
    assert claim(held.task, by=expert).snoozed_until is None
    held.refresh_from_db()
    snooze(held, by=expert, until=tomorrow(), fence=held.fence)
    assert claim_next(queue, by=make_member(queue.project)).task == held.task


@pytest.mark.parametrize("days", [-1, 91])
def test_a_task_is_put_off_to_within_three_months(queue, expert, days):
    make_task(queue)
    held = claim_next(queue, by=expert)
    with pytest.raises(Invalid, match="until must lie ahead"):
        snooze(held, by=expert, until=timezone.now() + timedelta(days=days), fence=held.fence)
    assert Claim.objects.live().filter(pk=held.pk).exists()


def test_an_old_tab_does_not_put_off_what_was_taken_anew_since(queue, expert):
    make_task(queue)
    held = claim_next(queue, by=expert)
    release(held, by=expert, fence=held.fence)
    claim_next(queue, by=expert)
    with pytest.raises(StaleState, match="it was not put off"):
        snooze(held, by=expert, until=tomorrow(), fence=held.fence)
