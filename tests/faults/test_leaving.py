"""Whoever leaves with a task in their hands: others are served it within seconds, by the real workers."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.db.models.functions import Now
from django.test import Client

from annotations.review.actions.drafts import save_draft
from annotations.review.models import Claim, Draft, ReviewTask
from labelhub.keys.models import Scope
from labelhub.people.actions import deactivate
from labelhub.people.models import User
from labelhub.projects.actions import remove_member
from labelhub.projects.models import Membership
from labelhub.projects.rights import Role
from tests.factories import make_claim, make_key, make_member, make_project, make_queue, make_task, make_user
from tests.faults.clean import check_clean
from tests.stack import Stack, running_stack

AGAIN_WITHIN_S = 5.0
NOT_THEIRS = 404  # a project that is not theirs is to them as if it were not there; the act itself is refused with 403
WORDS = {"note": "Half a thought"}
pytestmark = [pytest.mark.alone, pytest.mark.bar("R4")]


@pytest.fixture(scope="module")
def site(django_db_blocker: Any) -> Iterator[Stack]:
    with django_db_blocker.unblock(), running_stack(inference=False) as stack:
        yield stack
        check_clean(stack)


@pytest.fixture
def task(site: Stack) -> Iterator[ReviewTask]:
    with site.database():
        yield make_task(make_queue(make_project()))


@pytest.fixture
def holder(task: ReviewTask) -> User:
    """Has begun to write."""
    person = make_member(task.project)
    fence = make_claim(task, person).fence
    save_draft(task, by=person, fence=fence, version=0, content=WORDS)
    return person


class Caller:
    """Somebody with a key of their own, made while they may judge."""

    def __init__(self, site: Stack, task: ReviewTask, person: User) -> None:
        self.task, self.base = task, f"{site.web}/api/v1"
        self.headers = {"Authorization": f"Bearer {make_key(task.project, Scope.LABEL, person=person)}"}

    def ask(self, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        return httpx.post(self.base + path, headers=self.headers, json=body, timeout=30, trust_env=False)

    def submit(self) -> httpx.Response:
        return self.ask(f"/tasks/{self.task.pk}/labels/", {"fence": 1, "verdict": "good"})

    def is_served(self) -> bool:
        answer = self.ask(f"/queues/{self.task.queue.slug}/claim/")
        return answer.status_code == 200 and bool(answer.json()["task"] == self.task.pk)


def check_served(site: Stack, other: Caller) -> None:
    site.wait(other.is_served, seconds=AGAIN_WITHIN_S, what="somebody else is served the task")


def is_removed(site: Stack, person: User) -> None:
    membership = Membership.objects.get(user=person)
    by = User.objects.get(membership__project=membership.project, membership__role=Role.ADMIN)
    remove_member(membership.project, person, by=by)


def is_closed(site: Stack, person: User) -> None:
    deactivate(person, by=make_user(is_superuser=True))


def signs_out(site: Stack, person: User) -> None:
    client = Client()
    client.force_login(person)
    with httpx.Client(base_url=site.web, timeout=30, trust_env=False) as browser:
        browser.cookies.set(settings.SESSION_COOKIE_NAME, client.cookies[settings.SESSION_COOKIE_NAME].value)
        browser.get("/accounts/logout/")
        token = {"X-CSRFToken": browser.cookies[settings.CSRF_COOKIE_NAME], "Referer": site.web}
        assert browser.post("/accounts/logout/", headers=token).status_code == 302


def is_let_run_out(site: Stack, person: User) -> None:
    Claim.objects.filter(by=person).update(leased_until=Now() + timedelta(seconds=1))
    time.sleep(1)


@pytest.mark.bar("3a-23")
@pytest.mark.parametrize(
    ("leaves", "answer"), [(is_removed, NOT_THEIRS), (is_closed, 401), (signs_out, 409), (is_let_run_out, 409)]
)
def test_what_somebody_held_is_served_to_another_within_seconds_and_their_words_are_kept(
    site: Stack, task: ReviewTask, holder: User, leaves: Callable[[Stack, User], None], answer: int
) -> None:
    gone, other = Caller(site, task, holder), Caller(site, task, make_member(task.project))
    assert not other.is_served()
    leaves(site, holder)
    if answer != 409:
        assert gone.submit().status_code == answer
    check_served(site, other)
    assert gone.submit().status_code == answer
    assert Draft.objects.get(task=task, by=holder).content == WORDS
