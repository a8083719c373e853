"""Taking a decision back: what it made goes, what others made stays, and nobody's work is lost on the way."""

from importlib import import_module

import pytest

from annotations.review.actions.claims import claim
from annotations.review.actions.work import Work, add_tasks
from annotations.review.models import Claim, ReviewTask
from annotations.triage.actions.decisions import route, undo
from annotations.triage.actions.flags import raise_flags, rules_of
from annotations.triage.models import Decision, Flag
from labelhub.errors import NotFound, StaleState
from labelhub.projects.rights import Role
from tests.annotations.review.meanwhile import at_once
from tests.factories import make_claim, make_interaction, make_member, make_project, make_queue
from tests.planting import sql

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return make_project()


@pytest.fixture
def moderator(project):
    return make_member(project, Role.MODERATOR)


@pytest.fixture
def queue(project):
    return make_queue(project)


@pytest.fixture
def interaction(project):
    return make_interaction(project)


def flag(interaction, number):
    """By the rule of that number: each rule flags an answer once."""
    raise_flags(interaction.project, [(rules_of(interaction.project)[number], interaction, "flagged")])


def routed(interaction, number, queue, by):
    flag(interaction, number)
    return route(interaction.session, queue=queue, by=by)


def test_a_task_that_an_earlier_decision_made_stays(interaction, queue, moderator):
    routed(interaction, 0, queue, moderator)
    task = ReviewTask.objects.get()
    undo(routed(interaction, 1, queue, moderator), by=moderator)
    assert list(ReviewTask.objects.all()) == [task]
    assert Flag.objects.open().count() == 1


def test_a_task_that_a_hand_put_there_before_stays(interaction, queue, moderator):
    add_tasks(queue, [Work(interaction.pk, "by hand")], by=moderator)
    undo(routed(interaction, 0, queue, moderator), by=moderator)
    assert ReviewTask.objects.get().reason == "by hand"


def test_a_task_stays_while_another_decision_stands_that_sent_it_there_too(project, interaction, queue, moderator):
    first = routed(interaction, 0, queue, moderator)
    routed(interaction, 1, queue, make_member(project, Role.MODERATOR))
    undo(first, by=moderator)
    assert ReviewTask.objects.count() == 1


@pytest.mark.parametrize("earlier_first", [True, False])
@pytest.mark.parametrize("decider", ["the same", "another"])
def test_a_task_goes_with_the_last_decision_that_sent_it_there_in_whatever_order(
    project, interaction, queue, moderator, earlier_first, decider
):
    other = moderator if decider == "the same" else make_member(project, Role.MODERATOR)
    first, second = (routed(interaction, n, queue, by) for n, by in enumerate([moderator, other]))
    for decision in (first, second) if earlier_first else (second, first):
        assert ReviewTask.objects.count() == 1
        undo(decision, by=decision.by)
    assert not ReviewTask.objects.exists()
    assert Flag.objects.open().count() == 2


def test_a_task_that_a_hand_put_there_outlasts_every_decision_that_sent_it_too(interaction, queue, moderator):
    add_tasks(queue, [Work(interaction.pk, "by hand")], by=moderator)
    first, second = (routed(interaction, number, queue, moderator) for number in range(2))
    undo(first, by=moderator)
    undo(second, by=moderator)
    assert ReviewTask.objects.get().reason == "by hand"


def test_a_decision_on_two_answers_takes_back_the_one_that_no_other_sent(project, interaction, queue, moderator):
    first = routed(interaction, 0, queue, moderator)
    alone = make_interaction(project, session=interaction.session)
    flag(alone, 0)
    second = routed(interaction, 1, queue, moderator)
    undo(second, by=moderator)
    assert ReviewTask.objects.get().interaction == interaction
    undo(first, by=moderator)
    assert not ReviewTask.objects.exists()


def test_undo_is_offered_exactly_where_it_is_granted(project, interaction, queue, moderator):
    routed(interaction, 0, queue, moderator)
    routed(interaction, 1, queue, make_member(project, Role.MODERATOR))
    make_claim(ReviewTask.objects.get(), make_member(project))
    first, second = Decision.objects.with_begun().order_by("pk")
    assert (first.begun, second.begun) == (False, False), "either may go, for the other one keeps the task"
    undo(first, by=first.by)
    last = Decision.objects.with_begun().get()
    assert last.begun
    with pytest.raises(StaleState):
        undo(last, by=last.by)


def test_the_decisions_of_earlier_versions_hold_what_they_made_or_shared_and_nothing_put_there_by_hand(
    project, interaction, queue, moderator
):
    by_hand = make_interaction(project, session=interaction.session)
    add_tasks(queue, [Work(by_hand.pk, "by hand")], by=moderator)
    flag(by_hand, 0)
    first = routed(interaction, 0, queue, moderator)
    second = routed(interaction, 1, queue, make_member(project, Role.MODERATOR))
    made = ReviewTask.objects.get(interaction=interaction)
    held = Decision.tasks.through.objects
    held.all().delete()
    sql(import_module("annotations.migrations.0009_tasks_of_decisions").TASKS_OF_DECISIONS)
    assert set(held.values_list("decision", "reviewtask")) == {(first.pk, made.pk), (second.pk, made.pk)}


def test_an_earlier_task_that_somebody_works_on_does_not_keep_a_later_decision(interaction, queue, moderator, project):
    routed(interaction, 0, queue, moderator)
    make_claim(ReviewTask.objects.get(), make_member(project))
    undo(routed(interaction, 1, queue, moderator), by=moderator)
    assert Decision.objects.count() == 1
    assert Claim.objects.count() == 1


def test_taking_back_twice_is_said(interaction, queue, moderator):
    decision = routed(interaction, 0, queue, moderator)
    undo(Decision.objects.get(), by=moderator)
    with pytest.raises(NotFound):
        undo(decision, by=moderator)


@pytest.mark.django_db(transaction=True)
def test_who_claims_while_it_is_taken_back_keeps_the_task(project, interaction, queue, moderator):
    decision, expert = routed(interaction, 0, queue, moderator), make_member(project)
    task = ReviewTask.objects.get()
    told = at_once(lambda: claim(task, by=expert), lambda: undo(decision, by=moderator))
    assert isinstance(told, StaleState)
    assert Claim.objects.get().task == task


@pytest.mark.django_db(transaction=True)
def test_who_claims_what_is_being_taken_back_is_told_that_it_is_gone(project, interaction, queue, moderator):
    decision, expert = routed(interaction, 0, queue, moderator), make_member(project)
    task = ReviewTask.objects.get()
    told = at_once(lambda: undo(decision, by=moderator), lambda: claim(task, by=expert))
    assert isinstance(told, NotFound)
    assert not Decision.objects.exists()
