"""A queue as a list: many judged or given out at once, what cannot be is told, and one step takes it back."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotations.review.actions.approvals import approve
from annotations.review.actions.assignments import assign
from annotations.review.actions.bulk import judge_all, take_all_back
from annotations.review.actions.drafts import save_draft
from annotations.review.models import Assignment, Claim, Draft, Label, ReviewTask
from labelhub.errors import Invalid, NotAllowed, NotFound
from labelhub.projects.rights import Role
from tests.factories import make_claim, make_interaction, make_label, make_member, make_project, make_queue, make_task

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hashed_static")]
VAGUE = {"verdict": "flawed", "categories": [{"category": "too-vague"}]}


@pytest.fixture
def client(moderator):
    client = Client()
    client.force_login(moderator)
    return client


@pytest.fixture
def at(queue):
    return lambda tail="": f"/p/{queue.project.slug}/q/{queue.slug}/tasks/{tail}"


def undo_of(page):
    return re.search(r'action="([^"]*/undo/[^"]*)"', page.content.decode())[1].replace("&amp;", "&")


def test_many_get_the_same_judgement_and_what_others_hold_is_left_alone(queue, expert, moderator):
    held, judged, *free = (make_task(queue) for _ in range(5))
    make_claim(held, expert)
    make_label(judged, by=expert)
    outcome = judge_all(queue, [held.pk, judged.pk, *(task.pk for task in free)], by=moderator, payload=VAGUE)
    assert {label.task for label in outcome.labels} == set(free)
    assert [label.categories.get().category.slug for label in outcome.labels] == ["too-vague"] * 3
    assert len(outcome.refused) == 2
    assert Claim.objects.get(task=held).by == expert


def test_a_label_of_a_list_waits_for_a_second_person_like_any_other(queue, expert, moderator):
    (label,) = judge_all(queue, [make_task(queue).pk], by=moderator, payload=VAGUE).labels
    with pytest.raises(NotAllowed):
        approve(label, by=moderator)
    approve(label, by=make_member(queue.project, Role.MODERATOR))


def test_experts_judge_no_lists_and_foreign_tasks_are_not_found(queue, expert, moderator):
    task = make_task(queue)
    with pytest.raises(NotAllowed):
        judge_all(queue, [task.pk], by=expert, payload=VAGUE)
    with pytest.raises(NotFound):
        judge_all(queue, [task.pk, make_task(make_queue(make_project())).pk], by=moderator, payload=VAGUE)
    assert not Label.objects.exists()


def test_a_judgement_that_does_not_hold_is_refused_and_holds_nothing(queue, moderator):
    with pytest.raises(Invalid, match="no category"):
        judge_all(
            queue, [make_task(queue).pk], by=moderator, payload={"verdict": "flawed", "categories": [{"category": "x"}]}
        )
    assert not Claim.objects.exists()


def test_what_one_has_begun_to_write_about_is_not_judged_by_a_list(queue, moderator):
    held = make_claim(make_task(queue), moderator)
    save_draft(held.task, by=moderator, fence=held.fence, version=0, content={"rewrite": "Half a thought"})
    outcome = judge_all(queue, [held.task_id], by=moderator, payload=VAGUE)
    assert (outcome.labels, outcome.refused) == ([], ["You have begun to write about it: finish it on the desk."])
    assert Draft.objects.get().content == {"rewrite": "Half a thought"}


def test_one_step_takes_all_back_but_what_was_decided_on_meanwhile(queue, moderator):
    tasks = [make_task(queue) for _ in range(3)]
    labels = judge_all(queue, [task.pk for task in tasks], by=moderator, payload=VAGUE).labels
    approve(labels[0], by=make_member(queue.project, Role.MODERATOR))
    outcome = take_all_back(queue.project, [label.pk for label in labels], by=moderator)
    assert (len(outcome.labels), len(outcome.refused)) == (2, 1)
    assert set(ReviewTask.objects.open()) == set(tasks[1:])
    assert not Claim.objects.held().exists()
    assert not Draft.objects.exists()


def test_nobody_takes_back_labels_of_others(queue, expert, moderator):
    label = make_label(make_task(queue), by=expert)
    with pytest.raises(NotFound):
        take_all_back(queue.project, [label.pk], by=moderator)


def test_the_page_judges_the_chosen_ones_and_offers_to_undo_it(queue, client, at):
    tasks = [make_task(queue) for _ in range(2)]
    page = client.post(at("labels/"), {"task": [task.pk for task in tasks], "category": "too-vague"}, follow=True)
    assert "2 answers judged." in page.content.decode()
    assert "Nothing is open here" in page.content.decode()
    page = client.post(undo_of(page), follow=True)
    assert ReviewTask.objects.open().count() == 2
    assert "Taken back." in page.content.decode()


def test_the_page_gives_the_chosen_ones_to_somebody_and_back_to_whom_they_were_given_before(
    queue, client, at, expert, moderator
):
    other = make_member(queue.project)
    free, theirs = make_task(queue), make_task(queue)
    assign(queue, [theirs.pk], to=[other], by=moderator)
    page = client.post(at("assignment/"), {"task": [free.pk, theirs.pk], "to": [expert.pk]}, follow=True)
    assert f"2 given to {expert}." in page.content.decode()
    assert page.content.decode().count(f"given to {expert}</span>") == 2
    client.post(undo_of(page))
    assert list(Assignment.objects.values_list("task", "to")) == [(theirs.pk, other.pk)]
    assert ReviewTask.objects.get(reserved=True) == theirs


@pytest.mark.parametrize("fields", [{}, {"task": "x"}, {"task": list(range(1, 102))}, {"task": "9" * 20}])
def test_a_choice_that_cannot_be_is_refused_in_words(client, at, fields):
    for tail in ("labels/", "assignment/"):
        assert client.post(at(tail), fields).status_code == 422


@pytest.mark.parametrize("query", ["was=x:1", "was=1:x", "label=x"])
def test_an_undo_that_cannot_be_is_refused_in_words(client, at, query):
    assert client.post(at(f"undo/?{query}")).status_code == 422


def test_the_list_says_who_is_at_what_and_narrows_down(queue, client, at, expert, moderator):
    held, free, theirs = (
        make_task(queue, interaction=make_interaction(queue.project, prompt=word))
        for word in ("held?", "free?", "theirs?")
    )
    make_claim(held, expert)
    assign(queue, [theirs.pk], to=[expert], by=moderator)
    page = client.get(at()).content.decode()
    assert f"{expert} is at it" in page
    assert re.search(rf'value="{held.pk}"[^>]* disabled', page)
    assert not re.search(rf'value="{free.pk}"[^>]* disabled', page)
    assert "theirs?" not in client.get(at("?given=nobody")).content.decode()
    assert "free?" not in client.get(at("?given=people")).content.decode()


def test_an_empty_list_says_where_its_tasks_come_from(client, at):
    assert "Nothing is open here" in client.get(at()).content.decode()


def test_a_list_takes_as_many_queries_for_fifty_tasks_as_for_one_and_pages_on(queue, client, at, expert, moderator):
    def queries():
        with CaptureQueriesContext(
            connection,
        ) as found:
            assert client.get(at()).status_code == 200
        return len(found)

    make_claim(make_task(queue), expert)
    assign(queue, [make_task(queue).pk], to=[expert], by=moderator)
    queries()
    few = queries()
    for _ in range(60):
        make_claim(make_task(queue), make_member(queue.project))
    assert queries() == few
    page = client.get(at()).content.decode()
    assert page.count('name="task"') == 50
    older = re.search(r'href="(\?before=\d+)"', page)[1]
    assert client.get(at(older)).content.decode().count('name="task"') == 12
