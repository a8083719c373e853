"""Today: what became of one's labels, each figure with the list behind it."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotations.review.actions.approvals import approve, send_back
from annotations.review.actions.labels import withdraw
from annotations.review.models import Queue
from labelhub.people.models import User
from labelhub.projects.models import Project
from labelhub.projects.rights import Role
from tests.factories import make_label, make_member, make_project, make_queue, make_task
from training.loop.today import OUTCOMES, today

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hashed_static")]


@pytest.fixture
def project() -> Project:
    return make_project(slug="fern")


@pytest.fixture
def expert(project: Project) -> User:
    return make_member(project)


@pytest.fixture
def queue(project: Project) -> Queue:
    return make_queue(project, name="Care")


@pytest.fixture
def page(client: Client, expert: User) -> Client:
    client.force_login(expert)
    return client


def worked(queue: Queue, expert: User) -> None:
    """One label approved, one sent back, one waiting, one taken back, and one of somebody else."""
    moderator = make_member(queue.project, Role.MODERATOR)
    approve(make_label(make_task(queue), expert), by=moderator)
    send_back(make_label(make_task(queue), expert), by=moderator, reason="Say which.")
    make_label(make_task(queue), expert)
    withdraw(make_label(make_task(queue), expert), by=expert)
    make_label(make_task(queue), make_member(queue.project))


def test_the_figures_say_what_became_of_ones_own_labels(queue: Queue, expert: User) -> None:
    worked(queue, expert)
    found = today(expert, queue.project)
    assert found.submitted == 3
    assert found.outcomes == {"waiting": 1, "approved": 1, "returned": 1, "taught": 0}
    assert found.done_today == {queue.pk: 3}


def test_each_figure_leads_to_a_list_of_that_length(queue: Queue, expert: User, page: Client) -> None:
    worked(queue, expert)
    shown = page.get("/p/fern/").content.decode()
    found = today(expert, queue.project)
    for outcome in OUTCOMES:
        listed = page.get(f"/p/fern/labels/?outcome={outcome}").content.decode()
        assert listed.count('<article class="sheet pad stack"') == found.outcomes[outcome]
        assert f"outcome={outcome}" in shown or not found.outcomes[outcome]
    assert "3 done today" in shown
    everything = page.get("/p/fern/labels/?outcome=no-such").content.decode()
    assert everything.count('<article class="sheet pad stack"') == 4


def test_who_has_judged_nothing_reads_what_will_stand_here(queue: Queue, page: Client) -> None:
    assert "You have submitted nothing here" in page.get("/p/fern/").content.decode()
    assert "None of yours" in page.get("/p/fern/labels/?outcome=approved").content.decode()


def test_much_work_takes_as_many_queries_as_little(queue: Queue, expert: User, page: Client) -> None:
    def queries() -> int:
        page.get("/p/fern/")
        with CaptureQueriesContext(connection) as asked:
            page.get("/p/fern/")
        return len(asked)

    worked(queue, expert)
    little = queries()
    worked(queue, expert)
    worked(make_queue(queue.project), expert)
    assert queries() == little


def test_one_steps_through_ones_own_labels_and_back_to_what_one_holds(queue: Queue, expert: User, page: Client) -> None:
    labels = [make_label(make_task(queue), expert) for _ in range(3)]
    make_label(make_task(queue), make_member(queue.project))
    assert page.get("/p/fern/labels/last/").headers["Location"] == f"/p/fern/labels/{labels[2].pk}/"
    middle = page.get(f"/p/fern/labels/{labels[1].pk}/").content.decode()
    assert f'href="/p/fern/labels/{labels[2].pk}/" aria-keyshortcuts="K"' in middle
    assert f'href="/p/fern/labels/{labels[0].pk}/" aria-keyshortcuts="J"' in middle
    assert "Back to what you are judging" not in middle
    make_task(queue)
    page.post(f"/p/fern/q/{queue.slug}/claim/")
    assert "Back to what you are judging" in page.get(f"/p/fern/labels/{labels[1].pk}/").content.decode()
    assert page.get(f"/p/fern/q/{queue.slug}/").content.decode().count("/p/fern/labels/last/") == 1


def test_of_others_labels_a_moderator_steps_through_nothing(queue: Queue, expert: User, client: Client) -> None:
    label = make_label(make_task(queue), expert)
    client.force_login(make_member(queue.project, Role.MODERATOR))
    assert "Your labels" not in client.get(f"/p/fern/labels/{label.pk}/").content.decode()
    assert client.get("/p/fern/labels/last/").headers["Location"] == "/p/fern/labels/"
