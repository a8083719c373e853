"""Similar cases help to judge alike and never give the answer away."""

import numpy as np
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotations.review.similar import SHOWN, similar
from labelhub.projects.rights import Role
from tests.factories import (
    make_approval,
    make_interaction,
    make_label,
    make_member,
    make_project,
    make_queue,
    make_task,
    make_vector,
)

pytestmark = pytest.mark.django_db


def direction(degrees):
    vector = np.zeros(384, np.float32)
    vector[0], vector[1] = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return vector


@pytest.fixture
def task(queue):
    found = make_task(queue, make_interaction(queue.project, prompt="How much is the tent?"))
    make_vector(found.interaction, direction(0))
    return found


def decided(queue, prompt, degrees, **over):
    approval = make_approval(queue.project, prompt=prompt, **over)
    make_vector(approval.interaction, direction(degrees))
    return approval


def test_the_nearest_decided_cases_come_first_and_only_a_few(queue, task):
    made = [decided(queue, f"How much is the number {n} of things?", 5 * n) for n in (3, 1, 2, 4)]
    found = similar(task)
    assert [one.approval for one in found] == [made[1], made[2], made[0]]
    assert len(found) == SHOWN
    assert found[0].similarity == pytest.approx(np.cos(np.radians(5)), abs=1e-3)


def test_the_same_question_and_a_near_duplicate_of_it_are_left_out(queue, task):
    decided(queue, "how much is the TENT?", 0)
    decided(queue, "How much is the tent ?", 3)
    other = decided(queue, "Is the tent green?", 3)
    assert [one.approval for one in similar(task)] == [other]


def test_what_somebody_has_still_to_judge_is_left_out_in_any_queue(queue, task):
    approval = decided(queue, "Is the tent green?", 10)
    again = make_task(make_queue(queue.project), approval.interaction)
    assert similar(task) == []
    make_label(again, make_member(queue.project))
    assert similar(task) == []


def test_what_has_little_in_common_and_what_nobody_approved_is_left_out(queue, task):
    decided(queue, "Where are you?", 80)
    waiting = make_task(queue, make_interaction(queue.project, prompt="Is the tent red?"))
    make_vector(waiting.interaction, direction(5))
    make_label(waiting, make_member(queue.project))
    assert similar(task) == []


def test_one_of_the_random_slice_is_judged_without_looking_at_others(queue, task):
    decided(queue, "Is the tent green?", 10)
    task.random_slice = True
    assert similar(task) == []


def test_another_projects_cases_are_not_seen(queue, task):
    decided(make_queue(make_project()), "Is the tent green?", 10)
    assert similar(task) == []


def test_without_a_vector_there_is_nothing_yet(queue):
    decided(queue, "Is the tent green?", 10)
    assert similar(make_task(queue)) == []


def test_it_takes_a_fixed_number_of_queries(queue, task):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            [one.diff for one in similar(task)]
        return len(captured)

    decided(queue, "Is the tent green?", 10)
    few = queries()
    for n in range(6):
        decided(queue, f"How much is the number {n} of things?", 5 * n)
    assert queries() == few


def test_the_desk_asks_for_them_and_strangers_get_none(queue, task):
    decided(queue, "Is the tent <img src=x onerror=pwned()>?", 10, rewrite="It is <b>green</b>.")
    address = f"/p/{queue.project.slug}/tasks/{task.pk}/similar/"
    for user, status in ((make_member(queue.project), 200), (make_member(make_project(), Role.ADMIN), 404)):
        browser = Client()
        browser.force_login(user)
        answer = browser.get(address)
        assert answer.status_code == status
        if status == 200:
            words = answer.content.decode()
            assert "98 % alike" in words
            assert "&lt;img src=x" in words
            assert "<b>" not in words
