"""One answer in ten is drawn at random and marked, so that figures rest on a fair sample."""

from collections import Counter

import pytest

from annotations.review.actions.claims import claim_next, skip
from annotations.review.actions.queues import create_queue, update_queue
from annotations.review.actions.work import Work, add_tasks, draw_at_random, drawn
from annotations.review.models import ReviewTask
from tests.factories import make_interaction, make_member, make_project, make_queue, make_task

pytestmark = pytest.mark.django_db


def judged(queue, expert, number):
    """Whether each of the next `number` answers that `expert` gets was drawn at random."""
    found = []
    for _ in range(number):
        held = claim_next(queue, by=expert)
        found.append(held.task.random_slice)
        skip(held, by=expert, reason="seen")
    return found


def test_of_any_ten_that_one_gets_at_least_one_was_drawn(queue, expert):
    for n in range(40):
        make_task(queue, random_slice=n % 10 == 0, priority=9 if n % 10 else 0)
    flags = judged(queue, expert, 40)
    assert all(any(flags[n : n + 10]) for n in range(31))
    assert sum(flags[:36]) == 3  # and no more of them while there is other work


def test_drawn_ones_come_in_the_order_of_the_draw_whatever_their_rank(queue, expert):
    first, second = make_task(queue, random_slice=True), make_task(queue, random_slice=True, priority=99)
    assert claim_next(queue, by=expert).task == first
    skip(claim_next(queue, by=expert), by=expert, reason="seen")
    assert claim_next(queue, by=expert).task == second


def test_a_tenth_of_what_waits_is_drawn_by_itself_and_bears_nobodys_name(queue, moderator, run_jobs):
    project = queue.project
    made = create_queue(project, slug="answers", name="Answers", by=moderator)
    others = [make_interaction(project) for _ in range(30)]
    add_tasks(made, [Work(one.pk, "thumb down") for one in others[:12]], by=moderator)
    run_jobs()
    random = ReviewTask.objects.filter(queue=made, random_slice=True)
    assert list(random.values_list("reason", "routed_by")) == [("random audit", None)] * 2
    add_tasks(made, [Work(one.pk, "thumb down") for one in others[:14]], by=moderator)
    run_jobs()
    assert random.count() == 2


def test_what_is_to_be_drawn_from_may_run_out(queue, moderator, run_jobs):
    update_queue(queue, by=moderator, random_tenth=True)
    add_tasks(queue, [Work(make_interaction(queue.project).pk, "thumb down") for _ in range(3)], by=moderator)
    run_jobs()
    assert not ReviewTask.objects.filter(random_slice=True).exists()


def test_a_queue_that_wants_none_gets_none(queue, moderator, run_jobs):
    make_interaction(queue.project)
    add_tasks(queue, [Work(make_interaction(queue.project).pk, "thumb down")], by=moderator)
    run_jobs()
    assert ReviewTask.objects.count() == 1


@pytest.mark.parametrize("guesses", [10, 5_000])
def test_each_is_as_likely_to_be_drawn_as_any_other(monkeypatch, guesses):
    """Also where others' rows lie between them. 60 of 60 expected each; five standard deviations are allowed."""
    monkeypatch.setattr("annotations.review.actions.work.GUESSES", guesses)
    project, other = make_project(), make_project()
    ours = []
    for n in range(20):
        ours.append(make_interaction(project).pk)
        for _ in range(n % 4):
            make_interaction(other)
    times = Counter(pk for _ in range(300) for pk in drawn(project, 4))
    assert set(times) == set(ours)
    assert all(abs(number - 60) < 35 for number in times.values())


def test_nothing_that_is_in_a_queue_is_drawn(queue, moderator):
    make_task(make_queue(queue.project))
    free = make_interaction(queue.project)
    assert draw_at_random(queue, by=moderator, number=5) == 1
    assert ReviewTask.objects.get(queue=queue).interaction == free
    assert drawn(queue.project, 5) == []
    assert drawn(make_project(), 5) == []
    assert claim_next(queue, by=make_member(queue.project)).task.random_slice
