"""What decided cases make likely is suggested, and what became of it is kept; some work is judged without."""

import numpy as np
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from annotations.review.actions.approvals import approve
from annotations.review.actions.bulk import judge_all
from annotations.review.actions.calibration import calibrate_with
from annotations.review.actions.claims import claim_next
from annotations.review.actions.labels import submit, withdraw
from annotations.review.actions.suggestions import Accuracy, accuracy
from annotations.review.models import Approval, Label, Queue, ReviewTask, Suggestion, SuggestionOutcome
from annotations.review.prelabels import GOOD, guesses
from labelhub.people.models import User
from labelhub.projects.actions import save_taxonomy
from labelhub.projects.models import Membership
from labelhub.projects.outline import Entry
from labelhub.projects.rights import Role
from tests.factories import (
    FLAWED,
    make_approval,
    make_interaction,
    make_member,
    make_project,
    make_queue,
    make_task,
    make_vector,
)

pytestmark = pytest.mark.django_db
FALSE = ("flawed", frozenset({"factually-incorrect"}))


def direction(degrees: float) -> np.ndarray:
    vector = np.zeros(384, np.float32)
    vector[0], vector[1] = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return vector


@pytest.fixture
def queue() -> Queue:
    return make_queue(make_project(), suggests=True, calibration_every=0)


@pytest.fixture
def expert(queue: Queue) -> User:
    return make_member(queue.project)


@pytest.fixture
def task(queue: Queue) -> ReviewTask:
    return asked(queue, "How much is the tent?")


def asked(queue: Queue, prompt: str, **over: object) -> ReviewTask:
    found = make_task(queue, make_interaction(queue.project, prompt=prompt), **over)
    make_vector(found.interaction, direction(0))
    return found


def decided(queue: Queue, degrees: float, **over: str) -> Approval:
    approval = make_approval(queue.project, prompt=f"How much is a thing of the {degrees} kind?", **over)
    make_vector(approval.interaction, direction(degrees))
    return approval


def taken(queue: Queue, by: User) -> ReviewTask:
    held = claim_next(queue, by=by)
    assert held
    return held.task


def judged(queue: Queue, by: User, **payload: object) -> Label:
    held = claim_next(queue, by=by)
    assert held
    return submit(held.task, by=by, fence=held.fence, payload=payload or FLAWED)


def test_what_most_of_the_nearest_cases_were_is_likely() -> None:
    found = guesses([(FALSE, 0.9), (FALSE, 0.8), (("good", frozenset()), 0.5)])
    assert [(one.category, one.cases) for one in found] == [("factually-incorrect", 3)]
    assert found[0].confidence == pytest.approx(1.7 / 3.2)


def test_one_case_or_far_ones_suggest_nothing() -> None:
    assert guesses([(FALSE, 0.99)]) == []
    assert guesses([(FALSE, 0.4), (FALSE, 0.4)]) == []
    assert guesses([]) == []


@given(
    st.lists(
        st.tuples(st.sampled_from(["good", "flawed"]), st.frozensets(st.sampled_from("abc")), st.floats(0.4, 1)),
        max_size=7,
    )
)
def test_confidence_is_a_share_and_good_never_stands_beside_a_fault(
    cases: list[tuple[str, frozenset[str], float]],
) -> None:
    found = guesses(((verdict, tags if verdict == "flawed" else frozenset()), near) for verdict, tags, near in cases)
    assert all(0.5 <= one.confidence < 1 for one in found)
    assert len(found) <= 1 or GOOD not in {one.category for one in found}


def test_who_takes_a_task_is_shown_what_decided_cases_make_likely(queue: Queue, task: ReviewTask, expert: User) -> None:
    for n in range(1, 5):
        decided(queue, 5 * n)
    assert taken(queue, expert) == task
    suggestion = Suggestion.objects.get()
    assert suggestion.category is not None
    assert (suggestion.category.slug, suggestion.cases, suggestion.source) == ("factually-incorrect", 4, "nearest")
    assert 0.7 < suggestion.confidence < 0.8


def test_good_cases_suggest_that_nothing_is_wrong(queue: Queue, task: ReviewTask, expert: User) -> None:
    for n in range(1, 5):
        decided(queue, 5 * n, rewrite="")
    taken(queue, expert)
    assert Suggestion.objects.get().category is None


def test_a_queue_that_is_not_told_to_suggests_nothing(queue: Queue, task: ReviewTask, expert: User) -> None:
    Queue.objects.update(suggests=False)
    for n in range(1, 5):
        decided(queue, 5 * n)
    taken(queue, expert)
    assert not Suggestion.objects.exists()


def test_the_random_slice_and_calibration_items_are_judged_without(queue: Queue, expert: User) -> None:
    for n in range(1, 5):
        decided(queue, 5 * n)
    drawn = asked(queue, "How much is the tent?", random_slice=True)
    assert taken(queue, expert) == drawn
    gold = Approval.objects.earliest("pk")
    calibrate_with(gold.label, by=make_member(queue.project, Role.MODERATOR))
    Queue.objects.update(calibration_every=1)
    assert taken(queue, make_member(queue.project)).calibration
    assert not Suggestion.objects.exists()


def test_a_task_is_suggested_the_same_to_everybody(queue: Queue, task: ReviewTask, expert: User) -> None:
    for n in range(1, 5):
        decided(queue, 5 * n)
    Queue.objects.update(overlap=2)
    taken(queue, expert)
    decided(queue, 1, rewrite="")
    taken(queue, make_member(queue.project))
    assert Suggestion.objects.get().cases == 4


def test_taking_and_overruling_are_kept_and_make_the_accuracy(queue: Queue, expert: User) -> None:
    for n in range(1, 5):
        decided(queue, 5 * n)
    moderator = make_member(queue.project, Role.MODERATOR)
    for prompt in ("How much is the tent?", "Is the stove heavy?", "What is a tarp made of?"):
        asked(queue, prompt)
    right = judged(queue, expert)
    overruled = judged(queue, expert, verdict="good")
    undone = judged(queue, expert)
    approve(right, by=moderator)
    approve(overruled, by=moderator)
    withdraw(undone, by=expert)
    kept = SuggestionOutcome.objects.order_by("pk").values_list("label", "taken")
    assert list(kept) == [(right.pk, True), (overruled.pk, False), (undone.pk, True)]
    assert accuracy(queue) == Accuracy(number=2, taken=1, approved=2, right=1)


def test_whoever_judges_many_at_once_has_not_seen_the_suggestions(queue: Queue, task: ReviewTask, expert: User) -> None:
    for n in range(1, 5):
        decided(queue, 5 * n)
    held = claim_next(queue, by=expert)
    assert held
    held.delete()
    judge_all(queue, [task.pk], by=make_member(queue.project, Role.MODERATOR), payload={"verdict": "good"})
    assert Suggestion.objects.exists()
    assert not SuggestionOutcome.objects.exists()


def test_a_category_that_there_is_no_longer_is_not_suggested(queue: Queue, task: ReviewTask, expert: User) -> None:
    for n in range(1, 5):
        decided(queue, 5 * n)
    admin = Membership.objects.filter(project=queue.project, role=Role.ADMIN).earliest("pk").user
    save_taxonomy(queue.project, [Entry("other", "Other")], after=1, by=admin)
    taken(queue, expert)
    assert not Suggestion.objects.exists()


@pytest.mark.usefixtures("hashed_static")
def test_the_desk_and_the_api_say_what_is_likely_and_how_often_it_was_right(
    queue: Queue, task: ReviewTask, expert: User, client: Client
) -> None:
    for n in range(1, 5):
        decided(queue, 5 * n)
    client.force_login(expert)
    address = f"/p/{queue.project.slug}/q/{queue.slug}/"
    page = client.post(f"{address}claim/", follow=True).content.decode()
    assert "4 decided cases like this one make likely" in page
    assert 'id="likely-factually-incorrect">80 %' in page
    body = client.post(f"/api/v1/queues/{queue.slug}/claim/?project={queue.project.slug}").json()
    assert [(one["category"], one["cases"]) for one in body["suggestions"]] == [("factually-incorrect", 4)]
    judged(queue, expert)
    assert "Of 1 suggestion in this queue who judged took 1." in client.get(address).content.decode()


@pytest.mark.usefixtures("hashed_static")
def test_suggestions_cost_a_fixed_number_of_queries(queue: Queue, expert: User, client: Client) -> None:
    client.force_login(expert)
    counts = []
    for n in range(1, 9):
        decided(queue, 4 * n)
        asked(queue, f"How much is tent {n}?")
        with CaptureQueriesContext(
            connection,
        ) as asked_for:
            claim_next(queue, by=expert)
        counts.append(len(asked_for))
        judged(queue, expert)
    assert max(counts[3:]) == min(counts[3:])
