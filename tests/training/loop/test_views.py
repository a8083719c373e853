"""Home: what waits, counted right, for whom it waits."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotations.triage.actions.flags import raise_flags, rules_of
from labelhub.jobs import canary, tasks
from labelhub.jobs.models import Job
from labelhub.people.models import User
from labelhub.projects.models import Membership
from labelhub.projects.rights import Role
from tests.factories import make_interaction, make_label, make_member, make_project, make_queue, make_task, make_user
from training.loop.waiting import entries

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hashed_static")]


def waits(user: User) -> dict[str, int]:
    found = entries(Membership.objects.of(user), user)
    return {wait.name: wait.number for entry in found for wait in entry.waits}


def test_a_moderator_sees_flags_others_labels_and_queues() -> None:
    project = make_project()
    queue, moderator, expert = (
        make_queue(project, name="Refunds"),
        make_member(project, Role.MODERATOR),
        make_member(project),
    )
    for _ in range(2):
        interaction = make_interaction(project)
        raise_flags(project, [(rules_of(project)[0], interaction, "thumb down")])
    make_label(make_task(queue), expert)
    make_label(make_task(queue), moderator)
    make_task(queue)
    assert waits(moderator) == {"Triage": 2, "Approvals": 1, "Refunds": 1}
    assert waits(expert) == {"Refunds": 1}


def test_nobody_sees_what_waits_in_other_projects() -> None:
    make_task(make_queue(make_project()))
    outsider = make_user()
    client = Client()
    client.force_login(outsider)
    assert waits(outsider) == {}
    assert "You are in no project yet" in client.get("/").content.decode()


def test_home_takes_as_many_queries_for_five_queues_as_for_one() -> None:
    project = make_project()
    user = make_member(project, Role.MODERATOR)
    client = Client()
    client.force_login(user)

    def queries(more: int) -> int:
        for _ in range(more):
            other = make_project()
            Membership.objects.create(project=other, user=user, role=Role.EXPERT)
            make_task(make_queue(other))
            make_task(make_queue(project))
        with CaptureQueriesContext(connection) as caught:
            client.get("/")
        return len(caught)

    assert queries(1) == queries(4)


def test_the_page_says_when_the_worker_is_down() -> None:
    client = Client()
    client.force_login(make_user())
    assert "The worker is down." in client.get("/").content.decode()


@pytest.mark.bar("R7")
@pytest.mark.parametrize("page", ["/", "/p/{slug}/"])
def test_the_page_says_since_when_the_worker_is_silent_and_no_more_once_it_works_again(page: str) -> None:
    project = make_project()
    client = Client()
    client.force_login(make_member(project))
    shown = lambda: client.get(page.format(slug=project.slug)).content.decode()  # noqa: E731
    canary.listen("default")
    tasks.run(Job.objects.queued().get().pk)
    assert "The worker is down." not in shown()
    Job.objects.update(heartbeat_at=Now() - timedelta(minutes=7))
    assert "The worker is down." in shown()
    assert "Last sign of life 7 minutes ago." in shown()
    Job.objects.update(not_before=Now())
    tasks.run(Job.objects.queued().get().pk)
    assert "The worker is down." not in shown()


def test_a_person_sets_theme_and_keys() -> None:
    user = make_user()
    client = Client()
    client.force_login(user)
    client.post("/me/", {"name": "Ines", "time_zone": "Europe/Berlin", "theme": "dark"})
    user.refresh_from_db()
    assert (user.name, user.time_zone, user.theme, user.key_map) == ("Ines", "Europe/Berlin", "dark", {"off": True})
    page = client.get("/").content.decode()
    assert 'data-theme="dark"' in page
    assert "<shortcut-keys data-off>" in page


def test_an_unknown_time_zone_is_refused() -> None:
    client = Client()
    client.force_login(make_user())
    response = client.post("/me/", {"name": "", "time_zone": "Mars/Olympus", "theme": "dark"})
    assert response.status_code == 422
