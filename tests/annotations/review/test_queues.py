"""Making queues, changing them, and putting work into them."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from annotations.review.actions.approvals import approve, send_back
from annotations.review.actions.claims import claim, claim_next
from annotations.review.actions.labels import submit
from annotations.review.actions.queues import create_queue, update_queue
from annotations.review.actions.work import Work, add_tasks, draw_at_random
from annotations.review.invariants import SEATS
from annotations.review.models import Claim, Queue, ReviewTask
from labelhub.errors import Conflict, Invalid, NotAllowed, StaleState
from labelhub.invariants import look
from labelhub.projects.rights import Role
from tests.annotations.review.meanwhile import at_once
from tests.factories import make_claim, make_interaction, make_label, make_member, make_project, make_queue, make_task

pytestmark = pytest.mark.django_db
State = ReviewTask.State


@pytest.fixture
def project():
    return make_project()


@pytest.fixture
def moderator(project):
    return make_member(project, Role.MODERATOR)


@pytest.fixture
def queue(project):
    return make_queue(project)


def change(queue, by, **set_up):
    return update_queue(queue, by=by, **set_up)


def state_of(task):
    return ReviewTask.objects.get(pk=task.pk).state


def broken():
    return [one.name for one in SEATS if look(one).breaches]


def test_a_queue_is_made_with_all_that_can_be_set_of_it(project, moderator):
    expert = make_member(project)
    made = create_queue(
        project, slug="refunds", name="Refunds", by=moderator, instructions="Look at\r\nthe price.", overlap=2,
        lease_minutes=30, reviewers=[expert],
    )  # fmt: skip
    queue = Queue.objects.get(pk=made.pk)
    assert (queue.overlap, queue.lease_minutes, list(queue.reviewers.all())) == (2, 30, [expert])
    assert queue.instructions == "Look at\nthe price."


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"slug": "two words"}, "slug"), ({"slug": "x" * 61}, "slug"), ({"slug": ""}, "slug"),
        ({"name": ""}, "name"), ({"name": " "}, "name"), ({"name": "x" * 121}, "name"),
        ({"overlap": 0}, "overlap"), ({"overlap": 11}, "overlap"),
        ({"lease_minutes": 0}, "lease_minutes"), ({"lease_minutes": 241}, "lease_minutes"),
    ],
)  # fmt: skip
def test_what_does_not_fit_a_queue_is_refused_with_its_field(project, moderator, over, field):
    with pytest.raises(Invalid) as refusal:
        create_queue(project, **{"slug": "refunds", "name": "Refunds", "by": moderator, **over})
    assert refusal.value.extra["field"] == field


@pytest.mark.parametrize(("name", "told"), [(" ", "name is missing."), ("x" * 121, "at most 120 characters")])
def test_a_name_that_is_missing_is_called_so(project, queue, moderator, name, told):
    for act in (
        lambda: change(queue, moderator, name=name),
        lambda: create_queue(project, slug="a", name=name, by=moderator),
    ):
        with pytest.raises(Invalid, match=told):
            act()


def test_only_people_of_the_project_review_in_it(project, queue, moderator):
    stranger = make_member(make_project())
    with pytest.raises(Invalid):
        create_queue(project, slug="refunds", name="Refunds", by=moderator, reviewers=[stranger])
    with pytest.raises(Invalid):
        change(queue, moderator, reviewers=[stranger])


def test_experts_and_strangers_make_and_change_no_queue(project, queue):
    for person in (make_member(project), make_member(make_project(), Role.ADMIN)):
        with pytest.raises(NotAllowed):
            create_queue(project, slug="refunds", name="Refunds", by=person)
        with pytest.raises(NotAllowed):
            change(queue, person, name="Mine")


def test_a_name_in_an_address_is_taken_once(project, queue, moderator):
    with pytest.raises(Conflict):
        create_queue(project, slug=queue.slug, name="Again", by=moderator)


@pytest.mark.django_db(transaction=True)
def test_two_who_make_one_queue_at_once_make_one():
    project = make_project()
    moderator = make_member(project, Role.MODERATOR)

    def make():
        return create_queue(project, slug="refunds", name="Refunds", by=moderator)

    assert isinstance(at_once(make, make), Conflict)
    assert Queue.objects.count() == 1


def test_a_queue_is_changed(project, queue, moderator):
    expert = make_member(project)
    change(queue, moderator, name="Refunds", instructions="Slowly.", reviewers=[expert])
    queue.refresh_from_db()
    assert (queue.name, queue.instructions, list(queue.reviewers.all())) == ("Refunds", "Slowly.", [expert])


def test_a_second_judgement_is_asked_for_where_nobody_has_decided_yet(project, queue, moderator):
    waiting, approved = (make_label(make_task(queue), make_member(project)) for _ in range(2))
    approve(approved, by=moderator)
    change(queue, moderator, overlap=2)
    assert (state_of(waiting.task), state_of(approved.task)) == (State.OPEN, State.APPROVED)
    assert broken() == []
    make_label(waiting.task, make_member(project))
    assert state_of(waiting.task) == State.SUBMITTED


def test_a_new_name_touches_no_task(queue, moderator):
    make_task(queue)
    with CaptureQueriesContext(connection) as caught:
        change(queue, moderator, name="Refunds")
    assert not any(
        "annotations_reviewtask" in query["sql"] for query in caught if "annotations_claim" not in query["sql"]
    )


def test_fewer_judgements_close_what_has_enough(project, moderator):
    queue = make_queue(project, overlap=2)
    waiting, approved = (make_label(make_task(queue), make_member(project)) for _ in range(2))
    fresh = make_task(queue)
    approve(approved, by=moderator)
    change(queue, moderator, overlap=1)
    found = [state_of(task) for task in (waiting.task, approved.task, fresh)]
    assert found == [State.SUBMITTED, State.APPROVED, State.OPEN]
    assert broken() == []


def test_a_shorter_lease_holds_for_what_is_held_now(project, moderator):
    queue = make_queue(project, lease_minutes=60)
    make_claim(make_task(queue), make_member(project))
    change(queue, moderator, lease_minutes=5)
    assert not Claim.objects.filter(leased_until__gt=Now() + "6 minutes").exists()
    assert broken() == []


@pytest.mark.parametrize(
    ("verdicts", "overlap", "state"),
    [
        ("", 3, State.OPEN), ("w", 3, State.OPEN), ("a", 3, State.OPEN), ("ww", 3, State.OPEN), ("aw", 3, State.OPEN),
        ("", 1, State.OPEN), ("w", 1, State.SUBMITTED), ("a", 1, State.APPROVED), ("b", 1, State.OPEN),
        ("ww", 1, State.SUBMITTED), ("aw", 1, State.SUBMITTED), ("aa", 3, State.APPROVED), ("ab", 1, State.APPROVED),
    ],
)  # fmt: skip
def test_each_task_follows_a_new_overlap(project, moderator, verdicts, overlap, state):
    """Of a queue that asked for two: w is a label that waits, a an approved one, b one sent back."""
    queue = make_queue(project, overlap=2)
    task, untouched = make_task(queue), make_task(make_queue(project))
    for decision in verdicts:
        label = make_label(task, make_member(project))
        if decision == "a":
            approve(label, by=moderator)
        if decision == "b":
            send_back(label, by=moderator, reason="Say why.")
    change(queue, moderator, overlap=overlap)
    assert (state_of(task), state_of(untouched), broken()) == (state, State.OPEN, [])


def test_a_new_overlap_takes_as_many_queries_for_thirty_tasks_as_for_three(project, moderator):
    def queries(number):
        queue = make_queue(project, overlap=2)
        expert = make_member(project)
        for n in range(number):
            label = make_label(make_task(queue), expert)
            if n % 2:
                approve(label, by=moderator)
        make_claim(make_task(queue), expert)
        with CaptureQueriesContext(connection) as caught:
            change(queue, moderator, overlap=1)
        assert set(ReviewTask.objects.filter(queue=queue).values_list("state", flat=True)) == set(State) - {
            State.CLOSED
        }
        return len(caught)

    assert queries(3) == queries(30)


@pytest.mark.django_db(transaction=True)
def test_a_new_overlap_waits_for_no_task_that_stays_as_it_is():
    project = make_project()
    moderator, queue = make_member(project, Role.MODERATOR), make_queue(project, overlap=2)
    behind, fresh = make_label(make_task(queue), make_member(project)).task, make_task(queue)

    def impatiently():
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '2s'")
                change(queue, moderator, overlap=1)
        finally:
            connection.close()

    with transaction.atomic(), ThreadPoolExecutor(1) as other:
        list(ReviewTask.objects.filter(pk=fresh.pk).select_for_update())
        other.submit(impatiently).result()
    assert state_of(behind) == State.SUBMITTED


@pytest.mark.django_db(transaction=True)
def test_who_holds_a_task_beyond_the_seats_that_are_left_holds_it_no_longer():
    project = make_project()
    moderator, queue = make_member(project, Role.MODERATOR), make_queue(project, overlap=2)
    task, judged = make_task(queue), make_task(queue)
    first, later = (claim(task, by=make_member(project)) for _ in range(2))
    make_label(judged, first.by)
    claim(judged, by=later.by)
    change(queue, moderator, overlap=1)
    assert broken() == []
    assert list(Claim.objects.live()) == [first]
    with pytest.raises(StaleState):
        submit(task, by=later.by, fence=later.fence, payload={"verdict": "good"})
    assert submit(task, by=first.by, fence=first.fence, payload={"verdict": "good"}).pk
    assert broken() == []


def test_who_holds_a_task_keeps_it_when_their_queue_asks_for_more(queue, project, moderator):
    held = make_claim(make_task(queue), make_member(project))
    change(queue, moderator, overlap=2)
    assert list(Claim.objects.live()) == [held]


@pytest.mark.django_db(transaction=True)
def test_who_takes_a_task_while_its_queue_changes_takes_no_seat_too_many():
    project = make_project()
    moderator, expert, other = make_member(project, Role.MODERATOR), make_member(project), make_member(project)
    queue = make_queue(project, overlap=2)
    task = make_task(queue)
    claim(task, by=expert)
    assert at_once(lambda: change(queue, moderator, overlap=1), lambda: claim_next(queue, by=other)) is None
    change(queue, moderator, overlap=2)
    at_once(lambda: claim_next(queue, by=other), lambda: change(queue, moderator, overlap=1))
    assert broken() == []
    assert Claim.objects.live().get().by == expert


@pytest.mark.django_db(transaction=True)
def test_who_submits_while_the_queue_changes_leaves_no_task_that_nobody_is_offered():
    project = make_project()
    moderator, expert = make_member(project, Role.MODERATOR), make_member(project)
    queue = make_queue(project, overlap=2)
    task, other = make_task(queue), make_task(queue)

    def judge(one):
        return submit(one, by=expert, fence=claim(one, by=expert).fence, payload={"verdict": "good"})

    at_once(lambda: change(queue, moderator, overlap=1), lambda: judge(task))
    assert (state_of(task), broken()) == (State.SUBMITTED, [])
    at_once(lambda: judge(other), lambda: change(queue, moderator, overlap=2))
    assert (state_of(other), broken()) == (State.OPEN, [])


def test_work_is_put_in_by_those_who_triage_and_only_what_is_of_the_project(project, queue, moderator):
    mine, foreign = make_interaction(project), make_interaction(make_project())
    with pytest.raises(NotAllowed):
        add_tasks(queue, [Work(mine.pk, "look")], by=make_member(project))
    assert add_tasks(queue, [Work(mine.pk, "look", 7), Work(foreign.pk, "look")], by=moderator) == 1
    task = ReviewTask.objects.get()
    assert (task.interaction, task.reason, task.priority, task.routed_by) == (mine, "look", 7, moderator)
    assert (task.project, task.state) == (project, State.OPEN)


def test_what_is_in_the_queue_stays_as_it_is_and_is_not_counted(project, queue, moderator):
    old, new = make_interaction(project), make_interaction(project)
    add_tasks(queue, [Work(old.pk, "first")], by=moderator)
    assert add_tasks(queue, [Work(old.pk, "second"), Work(new.pk, "second"), Work(new.pk, "twice")], by=moderator) == 1
    assert list(ReviewTask.objects.order_by("pk").values_list("reason", flat=True)) == ["first", "second"]


@pytest.mark.django_db(transaction=True)
def test_each_counts_what_it_put_in_itself_whoever_else_is_at_it():
    project = make_project()
    queue, moderator = make_queue(project), make_member(project, Role.MODERATOR)
    first, second = (Work(make_interaction(project).pk, "look") for _ in range(2))
    added = at_once(
        lambda: add_tasks(queue, [first], by=moderator), lambda: add_tasks(queue, [first, second], by=moderator)
    )
    assert added == 1


def test_the_order_in_which_it_was_given_is_the_order_in_which_it_is_served(project, queue, moderator):
    early, late = make_interaction(project), make_interaction(project)
    add_tasks(queue, [Work(late.pk, "look"), Work(early.pk, "look"), Work(late.pk, "again")], by=moderator)
    served = list(ReviewTask.objects.in_order().values_list("interaction", "reason"))
    assert served == [(late.pk, "look"), (early.pk, "look")]


@pytest.mark.django_db(transaction=True)
def test_two_who_put_in_the_same_in_different_orders_do_not_wait_for_each_other():
    project = make_project()
    queue, moderator = make_queue(project), make_member(project, Role.MODERATOR)
    work = [Work(make_interaction(project).pk, "look") for _ in range(2)]
    with slow_inserts(), ThreadPoolExecutor() as both:
        added = list(both.map(lambda given: put(queue, given, moderator), [work, work[::-1]]))
    assert sorted(added) == [0, 2]


def put(queue, work, by):
    try:
        return add_tasks(queue, work, by=by)
    finally:
        connection.close()


@contextmanager
def slow_inserts():
    """Between one task and the next there is time for somebody else's."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.3); RETURN NEW; END $$;"
            "CREATE TRIGGER slow BEFORE INSERT ON annotations_reviewtask FOR EACH ROW EXECUTE FUNCTION slow()"
        )
        try:
            yield
        finally:
            cursor.execute("DROP TRIGGER slow ON annotations_reviewtask; DROP FUNCTION slow()")


def test_work_takes_as_many_queries_for_ten_as_for_one(project, queue, moderator):
    def queries(number):
        work = [Work(make_interaction(project).pk, "look") for _ in range(number)]
        with CaptureQueriesContext(connection) as caught:
            add_tasks(queue, work, by=moderator)
        return len(caught)

    assert queries(1) == queries(10)


def test_a_draw_takes_what_is_in_no_queue_and_fetches_no_texts(project, queue, moderator):
    make_task(queue)
    for _ in range(3):
        make_interaction(project)
    with CaptureQueriesContext(connection) as caught:
        assert draw_at_random(queue, by=moderator, number=2) == 2
    assert not any('"output"' in query["sql"] for query in caught)
    assert ReviewTask.objects.filter(random_slice=True, reason="random audit").count() == 2
