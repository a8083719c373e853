"""Claiming the next task while a million are queued and four reviewers ask at once."""

from django.test import Client

from labelhub.keys.models import Scope
from labelhub.projects.rights import Role
from tests.benchmarks.callers import Caller, in_parallel, timed
from tests.benchmarks.figures import Figure, percentile
from tests.benchmarks.replay import Statement, bare_connection, recorded, replay
from tests.benchmarks.rows import Bare, add_interactions, add_tasks
from tests.factories import make_key, make_member, make_project, make_queue
from tests.stack import Stack

REVIEWERS = 4
DONE = """
    WITH done AS (UPDATE annotations_claim SET state = 'done' WHERE task_id = %(task)s)
    UPDATE annotations_reviewtask SET state = 'submitted' WHERE id = %(task)s
"""


def claim(site: Stack, *, queued: int = 1_000_000, each: int = 500) -> Figure:
    """p99 of a claim over HTTP; the reference is the p99 of its SQL, both by four reviewers at once."""
    with site.database(), bare_connection(site.database_url) as bare:
        project = make_project()
        queue = make_queue(project)
        people = [make_member(project, Role.EXPERT) for _ in range(REVIEWERS)]
        keys = [make_key(project, Scope.LABEL, person=person) for person in people]
        add_tasks(bare, queue, add_interactions(bare, project, queued))
        bare.execute("VACUUM ANALYZE annotations_reviewtask, annotations_interaction")
        recordings = [_recorded(key, queue.slug, bare) for key in keys]
    path = f"/api/v1/queues/{queue.slug}/claim/"
    over_http = in_parallel([lambda key=key: _claims(site, key, path, each) for key in keys])
    alone = in_parallel([lambda one=one: _replays(site, *one, each) for one in recordings])
    return Figure(
        percentile(over_http, 99), "ms p99", percentile(alone, 99), len(over_http),
        f"POST …/claim/, {queued:,} queued, {REVIEWERS} reviewers at once, no pause between; reference: its SQL alone",
        {"p50": percentile(over_http, 50), "reference_p50": percentile(alone, 50), "queued": queued,
         "statements": len(recordings[0][0]), "claims_per_s": round(REVIEWERS * 1000 / (sum(over_http) / len(over_http))),
         "with_one_reviewer": _one(site, keys[0], path, each)},
    )  # fmt: skip


def _one(site: Stack, key: str, path: str, n: int) -> dict[str, float]:
    times = _claims(site, key, path, n)
    return {"p50": percentile(times, 50), "p99": percentile(times, 99)}


def _recorded(key: str, slug: str, bare: Bare) -> tuple[list[Statement], int]:
    """The statements of one claim, and the task that it got."""
    with recorded() as statements:
        answer = Client(SERVER_NAME="127.0.0.1").post(
            f"/api/v1/queues/{slug}/claim/", headers={"Authorization": f"Bearer {key}"}
        )
    task: int = answer.json()["task"]
    bare.execute(DONE, {"task": task})
    return statements, task


def _claims(site: Stack, key: str, path: str, n: int) -> list[float]:
    caller, times = Caller(site.web, key), []
    with bare_connection(site.database_url) as bare:
        for _ in range(n):
            answers: list[tuple[int, dict[str, int]]] = []
            times.append(timed(lambda answers=answers: answers.append(caller.post(path))))
            [(status, body)] = answers
            assert status == 200, (status, body)
            bare.execute(DONE, {"task": body["task"]})
    return times


def _replays(site: Stack, statements: list[Statement], task: int, n: int) -> list[float]:
    times = []
    with bare_connection(site.database_url) as bare:
        for _ in range(n):
            now: list[dict[int, int]] = []
            times.append(timed(lambda now=now: now.append(replay(bare, statements, {"SKIP LOCKED": task}))))
            bare.execute(DONE, {"task": now[0][task]})
    return times
