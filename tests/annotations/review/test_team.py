"""The reliability of a project's judgements, for moderators."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotations.review.models import Queue
from annotations.review.team import team
from labelhub.projects.models import Project
from labelhub.projects.rights import Role
from tests.factories import make_label, make_member, make_project, make_queue, make_task

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hashed_static")]
GOOD = {"verdict": "good"}
FALSE = {"verdict": "flawed", "categories": [{"category": "factually-incorrect", "severity": 3}]}
VAGUE = {"verdict": "flawed", "categories": [{"category": "too-vague", "severity": 1}]}


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def queue(project: Project) -> Queue:
    return make_queue(project, overlap=3, name="Refunds")


def judged(queue: Queue, people: list[object], *said: dict[str, object]) -> None:
    task = make_task(queue)
    for person, payload in zip(people, said, strict=False):
        make_label(task, person, **payload)


def test_coefficients_tell_verdicts_categories_and_severity_apart(project: Project, queue: Queue) -> None:
    people = [make_member(project, name=name) for name in ("Ines", "Omar", "Bea")]
    for _ in range(4):
        judged(queue, people, GOOD, GOOD, GOOD)
        judged(queue, people, FALSE, FALSE, VAGUE)
    found = team(project)
    assert (found.verdict.alpha, found.verdict.items, found.verdict.interval) == (1.0, 8, (1.0, 1.0))
    by_name = {one.name: one for one in found.categories}
    # 8 items: of 24 values 8 are "chosen"; 4 items disagree in 2 of 3 pairs: 1 - (8/24) / (2*8*16/(24*23))
    assert by_name["Factually incorrect"].alpha == pytest.approx(1 - (8 / 24) / (2 * 8 * 16 / (24 * 23)))
    assert by_name["Too vague"].alpha == pytest.approx(1 - (8 / 24) / (2 * 4 * 20 / (24 * 23)))
    assert 0 < found.severity.alpha < 1
    assert [(one.name, one.items) for one in found.queues] == [("Refunds", 8)]
    assert sum(one.items for one in found.weeks) == 8
    assert {(str(pair.one), str(pair.two), pair.items, pair.kappa) for pair in found.pairs} == {
        ("Ines", "Omar", 8, 1.0), ("Ines", "Bea", 8, 1.0), ("Omar", "Bea", 8, 1.0)
    }  # fmt: skip


def test_who_says_otherwise_than_the_others_is_told_from_the_majority(project: Project, queue: Queue) -> None:
    people = [make_member(project) for _ in range(3)]
    judged(queue, people, GOOD, GOOD, FALSE)
    judged(queue, people, GOOD, GOOD, GOOD)
    judged(queue, people[:2], GOOD, FALSE)
    ines, omar, bea = (person.pk for person in people)
    assert team(project).majority == {ines: (1, 1), omar: (1, 1), bea: (2, 1)}


def test_marked_words_agree_exactly_or_where_they_overlap(project: Project, queue: Queue) -> None:
    people = [make_member(project) for _ in range(2)]
    task = make_task(queue)
    output = task.interaction.output
    for person, end in zip(people, (5, 8), strict=True):
        whole = {"start": 0, "end": 3, "exact": output[:3], "text": "wrong"}
        make_label(task, person, **FALSE, comments=[whole, {**whole, "start": 4, "end": end, "exact": output[4:end]}])
    found = team(project)
    assert (found.exact_spans, found.overlapping_spans) == (0.5, 1.0)


def test_nothing_is_said_where_nobody_judged_the_same(project: Project, queue: Queue) -> None:
    make_label(make_task(queue), make_member(project), **GOOD)
    found = team(project)
    assert (found.verdict.alpha, found.verdict.items, found.pairs, found.exact_spans) == (None, 0, [], None)


def test_moderators_see_it_and_experts_do_not_by_one_number_of_queries(project: Project, queue: Queue) -> None:
    people = [make_member(project) for _ in range(2)]
    moderator, expert = Client(), Client()
    moderator.force_login(make_member(project, Role.MODERATOR))
    expert.force_login(people[0])
    address = f"/p/{project.slug}/agreement/"
    counts = set()
    for _ in range(3):
        judged(queue, people, FALSE, FALSE)
        judged(queue, people, GOOD, FALSE)
        with CaptureQueriesContext(connection) as queries:
            shown = moderator.get(address).content.decode()
        counts.add(len(queries))
    assert len(counts) == 1
    assert "alpha of the verdict" in shown
    assert "With the majority of the others" in shown
    assert "alpha of the verdict" not in expert.get(address).content.decode()
