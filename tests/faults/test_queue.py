"""Fifty people judge while web processes are killed and leases end under them: the queue stays one queue.

Nothing that was acknowledged is lost, nothing is judged more often than wanted or twice by one person, nothing is taken
from who lost their seat; and all of it is judged in the end.
"""

import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import psutil
import pytest
from django.db.models.functions import Now

from annotations.capture.models import Interaction
from annotations.review.models import Claim, Label, Queue, ReviewTask
from labelhub.keys.models import Scope
from tests.factories import make_key, make_member, make_project, make_queue, make_session
from tests.faults.clean import check_clean
from tests.faults.reviewers import Reviewer, at_work
from tests.faults.total_queue import Act, Stored, verdict
from tests.stack import Stack, running_stack

REVIEWERS, VANISH, SKEWED = 50, 5, 10
pytestmark = [pytest.mark.alone, pytest.mark.bar("R3", "R4")]


@pytest.fixture(scope="module")
def site(django_db_blocker: Any) -> Iterator[Stack]:
    with django_db_blocker.unblock(), running_stack(inference=False) as stack:
        yield stack


def fill(queue: Queue, number: int) -> dict[int, int]:
    """Task → how many are to judge it. Made past the actions: the tasks of a factory would take longer than the test."""
    session = make_session(queue.project)
    now = queue.project.created_at
    answers = Interaction.objects.bulk_create(
        Interaction(project=queue.project, session=session, external_id=f"{queue.slug}-{n}", body_sha256="0" * 64,
                    occurred_at=now, prompt="How much?", output="45 euros.", model_version="starter")
        for n in range(number)
    )  # fmt: skip
    tasks = ReviewTask.objects.bulk_create(
        ReviewTask(project=queue.project, queue=queue, interaction=answer, reason="thumb down", rank=0)
        for answer in answers
    )
    return {task.pk: queue.overlap for task in tasks}


def kill(process: psutil.Process) -> None:
    process.kill()
    psutil.wait_procs([process], timeout=5)


class Unrest:
    """What happens to those who judge: a web worker or the web master dies, or the leases of some of them end."""

    def __init__(self, site: Stack, people: Sequence[Reviewer], seed: str) -> None:
        self.site, self.chance = site, random.Random(f"unrest {seed}")
        self.ids = {one.name: int(one.name.split("-")[1]) for one in people}
        self.gone = {one.name for one in people if one.vanishes < float("inf")}
        self.acts: list[Act] = []

    def strike(self) -> None:
        match self.chance.choice(["worker", "worker", "master", "leases", "leases"]):
            case "worker":
                kill(self.chance.choice(self.web()[1:]))
            case "master":
                kill(self.web()[0])
            case _:
                self.end_leases({*self.chance.sample(sorted(self.ids), k=10), *self.gone})

    def web(self) -> list[psutil.Process]:
        """The master and its workers, once they have all begun."""
        self.site.wait(lambda: len(self.site.family("web")) > 2, seconds=30, what="all of the web runs")
        return self.site.family("web")

    def end_leases(self, names: set[str]) -> None:
        began = time.monotonic()
        held = Claim.objects.held().filter(by__in=[self.ids[name] for name in names])
        held.update(leased_until=Now() - timedelta(seconds=1))
        ended = time.monotonic()
        self.acts += [Act(began, ended, name, "expire", "ok") for name in sorted(names)]


def test_a_queue_stays_one_queue_whatever_dies_and_whoever_vanishes(
    site: Stack, count: Callable[[int, int], int]
) -> None:
    seed = os.environ.get("LABELHUB_SEED", "1")
    # The bar names 20,000 items: over HTTP two cores judge about 20 a second, so these would take 20 minutes or more.
    items, strikes, within_s = count(300, 5_000), count(4, 60), count(120, 690)
    with site.database():
        project = make_project()
        queues = [make_queue(project, slug=f"by-{n}", overlap=n, lease_minutes=60, calibration_every=0) for n in (1, 3)]
        overlap = fill(queues[0], items * 9 // 10) | fill(queues[1], items // 10)
        chance = random.Random(f"people {seed}")
        people = []
        for n in range(REVIEWERS):
            person = make_member(project)
            people.append(Reviewer(
                site.web, make_key(project, Scope.LABEL, person=person), f"person-{person.pk}", ["by-1", "by-3"], seed,
                skew=timedelta(hours=chance.choice([-5, 5])) if n < SKEWED else timedelta(),
                vanishes=chance.randint(1, 8) if n >= REVIEWERS - VANISH else float("inf"),
            ))  # fmt: skip
        unrest, began = Unrest(site, people, seed), time.monotonic()
        with at_work(people):
            struck = judge_to_the_end(unrest, strikes, began + within_s)
    with site.database():
        rows = Label.objects.filter(project=project).values_list("note", "task", "author")
        stored = [Stored(key, task, f"person-{author}") for key, task, author in rows]
    history = [*unrest.acts, *(act for one in people for act in one.acts)]
    print(f"seed {seed}; {struck} strikes; {len(history)} acts, {len(stored)} labels in {time.monotonic() - began:.0f} s; "
          f"codes {dict(Counter(code for one in people for code in one.codes))}; load {os.getloadavg()}")  # fmt: skip
    assert verdict(history, stored, overlap) == {}
    assert struck >= strikes
    check_clean(site)


def judge_to_the_end(unrest: Unrest, strikes: int, until: float) -> int:
    """Strike evenly over what is to judge; return when nothing is open, or it is late: the checker tells what is left."""
    open_tasks = ReviewTask.objects.open()
    total, struck = open_tasks.count(), 0
    while (left := open_tasks.count()) and time.monotonic() < until:
        if struck < strikes and (total - left) * (strikes + 1) >= total * (struck + 1):
            unrest.strike()
            struck += 1
        elif struck >= strikes:
            unrest.end_leases(unrest.gone)
        time.sleep(0.2)
    return struck
