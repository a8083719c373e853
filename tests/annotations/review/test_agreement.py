"""How alike people judge: told once one's own judgement stands, and never of strangers."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotations.review.actions.approvals import approve
from annotations.review.actions.calibration import calibrate_with
from annotations.review.actions.labels import withdraw
from annotations.review.agreement import Share, agreement, reviewers
from annotations.review.models import Label, Queue, ReviewTask
from labelhub.people.models import User
from labelhub.projects.models import Project
from labelhub.projects.rights import Role
from tests.factories import make_approval, make_label, make_member, make_project, make_queue, make_task

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hashed_static")]
FALSE, VAGUE = (
    {"verdict": "flawed", "categories": [{"category": slug}]} for slug in ("factually-incorrect", "too-vague")
)
BOTH = {"verdict": "flawed", "categories": [*FALSE["categories"], *VAGUE["categories"]]}


@pytest.fixture
def project() -> Project:
    return make_project(slug="fern")


@pytest.fixture
def queue(project: Project) -> Queue:
    return make_queue(project, overlap=2)


@pytest.fixture
def ines(project: Project) -> User:
    return make_member(project, name="Ines")


@pytest.fixture
def omar(project: Project) -> User:
    return make_member(project, name="Omar")


def judged(queue: Queue, *said: tuple[User, dict[str, object]]) -> ReviewTask:
    task = make_task(queue)
    for person, payload in said:
        make_label(task, person, **payload)
    return task


def test_people_agree_as_far_as_verdicts_and_categories_do(queue: Queue, ines: User, omar: User) -> None:
    judged(queue, (ines, FALSE), (omar, FALSE))
    judged(queue, (ines, BOTH), (omar, FALSE))
    judged(queue, (ines, {"verdict": "good"}), (omar, FALSE))
    found = agreement(ines, queue.project)
    assert found.peers == Share(3, 0.5)
    assert [(one.category.slug, one.number, one.both) for one in found.categories] == [
        ("factually-incorrect", 3, 2), ("too-vague", 1, 0)
    ]  # fmt: skip
    assert found.categories[0].share == 0.8
    assert [one.other.author for one in found.differences] == [omar, omar]


def test_nobody_is_compared_before_their_own_judgement_stands(queue: Queue, ines: User, omar: User) -> None:
    judged(queue, (omar, FALSE))
    assert agreement(ines, queue.project).peers == Share()
    label = make_label(ReviewTask.objects.get(), ines, **FALSE)
    assert agreement(ines, queue.project).peers == Share(1, 1.0)
    withdraw(label, by=ines)
    assert agreement(ines, queue.project).peers == Share()


def test_a_task_that_somebody_may_still_judge_is_not_shown_as_a_difference(
    queue: Queue, ines: User, omar: User
) -> None:
    Queue.objects.update(overlap=3)
    judged(queue, (ines, FALSE), (omar, VAGUE))
    found = agreement(ines, queue.project)
    assert found.peers == Share(1, 0.0)
    assert found.differences == []


def test_calibration_items_count_apart_and_only_where_people_are_told(
    queue: Queue, ines: User, omar: User, project: Project
) -> None:
    Queue.objects.update(overlap=1)
    gold = make_approval(project)
    task = calibrate_with(gold.label, by=make_member(project, Role.MODERATOR))
    make_label(task, ines, **FALSE)
    make_label(task, omar, verdict="good")
    assert agreement(ines, project).calibration == Share(1, 1.0)
    assert agreement(omar, project).peers == Share()
    seen = {one.user: one for one in reviewers(project)}
    assert (seen[ines].calibration, seen[omar].calibration) == (Share(1, 1.0), Share(1, 0.0))
    assert seen[ines].last is not None
    Queue.objects.update(calibration_feedback=False)
    assert agreement(ines, project).calibration == Share()
    assert {one.user: one.calibration for one in reviewers(project)}[omar] == Share(1, 0.0)


def test_moderators_see_how_alike_everybody_judges(queue: Queue, ines: User, omar: User, client: Client) -> None:
    judged(queue, (ines, FALSE), (omar, VAGUE))
    judged(queue, (ines, FALSE), (omar, FALSE))
    seen = {one.user: one.peers for one in reviewers(queue.project)}
    assert (seen[ines], seen[omar]) == (Share(2, 0.5), Share(2, 0.5))
    client.force_login(ines)
    assert "Everybody" not in client.get("/p/fern/agreement/").content.decode()
    client.force_login(make_member(queue.project, Role.MODERATOR))
    page = client.get("/p/fern/agreement/").content.decode()
    assert "Nothing to compare yet" in page
    assert "Everybody" in page


def test_an_expert_reads_where_they_differed_with_both_rewrites(
    queue: Queue, ines: User, omar: User, client: Client
) -> None:
    judged(
        queue, (ines, {**FALSE, "rewrite": "It costs 39 euros."}), (omar, {**VAGUE, "rewrite": "It costs 39 dollars."})
    )
    client.force_login(ines)
    page = client.get("/p/fern/agreement/").content.decode()
    assert "Where you differed" in page
    assert "<del>euros" in page
    assert "0 %" in page


def test_strangers_see_nothing(project: Project, client: Client) -> None:
    client.force_login(make_member(make_project(), Role.ADMIN))
    assert client.get("/p/fern/agreement/").status_code == 404
    assert client.get("/api/v1/agreement/?project=fern").status_code == 404


def test_many_tasks_take_as_many_queries_as_few(queue: Queue, ines: User, omar: User, client: Client) -> None:
    client.force_login(make_member(queue.project, Role.MODERATOR))
    judged(queue, (ines, FALSE), (omar, VAGUE))

    def queries(person: User) -> int:
        client.force_login(person)
        client.get("/p/fern/agreement/")
        with CaptureQueriesContext(connection) as asked:
            client.get("/p/fern/agreement/")
        return len(asked)

    few = queries(ines)
    for _ in range(5):
        judged(queue, (ines, BOTH), (omar, VAGUE))
        judged(queue, (ines, FALSE), (make_member(queue.project), VAGUE))
    assert queries(ines) == few


def test_the_api_says_what_the_page_says(queue: Queue, ines: User, omar: User, client: Client) -> None:
    judged(queue, (ines, FALSE), (omar, VAGUE))
    client.force_login(ines)
    body = client.get("/api/v1/agreement/?project=fern").json()
    assert body["peers"] == {"number": 1, "mean": 0.0}
    assert [one["mine"] for one in body["differences"]] == [Label.objects.get(author=ines).pk]
    assert body["people"] == []
    client.force_login(make_member(queue.project, Role.MODERATOR))
    people = client.get("/api/v1/agreement/?project=fern").json()["people"]
    assert {one["who"] for one in people} >= {ines.email, omar.email}


def test_what_is_approved_still_counts(queue: Queue, ines: User, omar: User, project: Project) -> None:
    task = judged(queue, (ines, FALSE), (omar, FALSE))
    approve(task.labels.get(author=ines), by=make_member(project, Role.MODERATOR))
    assert agreement(omar, project).peers == Share(1, 1.0)
