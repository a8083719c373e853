"""A client sends thirteen times what it may for a minute: it is told to wait, and whoever judges hardly notices."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
import pytest
from django.conf import settings
from django.test import Client

from annotations.capture.models import Interaction
from labelhub.projects.models import Project
from tests.factories import make_key, make_member, make_project, make_queue, make_task
from tests.faults.clean import check_clean
from tests.faults.load import item
from tests.stack import Stack, running_stack

TIMES, SENDERS = 13, 4
PAUSE_S = 0.2  # of somebody who judges


@pytest.fixture(scope="module")
def a_minute(count) -> int:
    """What a key may send."""
    return count(120, 600)


@pytest.fixture(scope="module")
def site(a_minute: int, django_db_blocker: Any) -> Iterator[Stack]:
    limit = {"LABELHUB_KEY_REQUESTS_PER_MINUTE": str(a_minute)}
    with django_db_blocker.unblock(), running_stack(inference=False, **limit) as stack:
        yield stack


@dataclass
class Sender:
    """Sends `per_s` interactions a second, evenly, until told to end; what was answered is kept."""

    site: Stack
    key: str
    per_s: float
    name: str
    answers: list[tuple[str, int, str | None]] = field(default_factory=list)
    ending: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        began = time.monotonic()
        headers = {"Authorization": f"Bearer {self.key}"}
        with httpx.Client(base_url=self.site.web, headers=headers, timeout=30, trust_env=False) as client:
            for n in itertools.count():
                if self.ending.wait(max(0.0, began + n / self.per_s - time.monotonic())):
                    return
                answer = client.post("/api/v1/interactions/", json=item(f"{self.name}-{n}"))
                self.answers.append((f"{self.name}-{n}", answer.status_code, answer.headers.get("Retry-After")))


def judged_meanwhile(site: Stack, project: Project, person: dict[str, str], seconds: float, key: str,
                     per_s: float, name: str) -> tuple[list[Sender], float]:  # fmt: skip
    """Somebody opens the desk again and again while so much is sent. What was answered, and their p95 in seconds."""
    senders = [Sender(site, key, per_s / SENDERS, f"{name}{n}") for n in range(SENDERS)]
    threads = [threading.Thread(target=sender.run, daemon=True) for sender in senders]
    for thread in threads:
        thread.start()
    took, until = [], time.monotonic() + seconds
    with httpx.Client(base_url=site.web, headers=person, timeout=30, trust_env=False) as client:
        while time.monotonic() < until:
            began = time.monotonic()
            assert client.get(f"/p/{project.slug}/q/words/").status_code == 200
            took.append(time.monotonic() - began)
            time.sleep(PAUSE_S)
    for sender in senders:
        sender.ending.set()
    for thread in threads:
        thread.join(30)
    return senders, float(np.percentile(took, 95))


@pytest.mark.alone
@pytest.mark.bar("3a-16")
def test_what_is_over_the_limit_is_told_to_wait_what_is_acknowledged_is_stored_and_judging_goes_on(
    site: Stack, a_minute: int, count
):
    with site.database():
        project = make_project()
        make_task(make_queue(project, slug="words"))
        key, person = make_key(project, "ingest"), Client()
        person.force_login(make_member(project))
    name = settings.SESSION_COOKIE_NAME
    cookie = {"Cookie": f"{name}={person.cookies[name].value}"}
    may = a_minute / 60
    seconds = count(10, 60)
    judged_meanwhile(site, project, cookie, 2, key, may / 2, "warm")
    _, calm = judged_meanwhile(site, project, cookie, seconds / 2, key, may / 2, "calm")
    senders, busy = judged_meanwhile(site, project, cookie, seconds, key, TIMES * may, "burst")
    answers = [answer for sender in senders for answer in sender.answers]
    statuses = Counter(status for _, status, _ in answers)
    print(f"{len(answers)} in {seconds} s: {dict(statuses)}; the desk's p95 {calm * 1000:.0f} → {busy * 1000:.0f} ms")
    assert set(statuses) <= {201, 429}
    assert statuses[201] <= a_minute * (1 + -(-seconds // 60))
    assert all(wait and 1 <= int(wait) <= 60 for _, status, wait in answers if status == 429)
    with site.database():
        stored = set(Interaction.objects.filter(project=project).values_list("external_id", flat=True))
    assert {key for key, status, _ in answers if status == 201} <= stored
    assert statuses[429]
    if count(0, 1):  # a minute is enough for a figure
        assert len(answers) >= 0.8 * TIMES * may * seconds, "the burst was not one"
        assert busy <= 2 * calm
    check_clean(site)
