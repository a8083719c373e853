"""Claiming the next task while a million are queued and four reviewers ask at once."""

from labelhub.keys.models import Scope
from labelhub.projects.rights import Role
from tests.benchmarks.callers import Caller, Here, carried, in_turns, timed
from tests.benchmarks.crew import crew, joined
from tests.benchmarks.figures import Figure, goes_to, medians, percentile
from tests.benchmarks.replay import Bare, Recording, Replay, bare_connection, record, replay
from tests.benchmarks.rows import add_interactions, add_tasks
from tests.factories import make_key, make_member, make_project, make_queue
from tests.stack import Stack

REVIEWERS, QUEUED, EACH = 4, 1_000_000, 500
NEXT = "SKIP LOCKED"  # in the statement that chooses the task
DONE = """
    WITH done AS (UPDATE annotations_claim SET state = 'done' WHERE task_id = %(task)s)
    UPDATE annotations_reviewtask SET state = 'submitted' WHERE id = %(task)s
"""


def claim(site: Stack) -> Figure:
    """p99 of a claim over HTTP; the reference is the p99 of its SQL, both by four reviewers at once."""
    with site.database(), bare_connection(site.database_url) as bare:
        project = make_project()
        queue = make_queue(project)
        people = [make_member(project, Role.EXPERT) for _ in range(REVIEWERS)]
        keys = [make_key(project, Scope.LABEL, person=person) for person in people]
        add_tasks(bare, queue, add_interactions(bare, project, QUEUED))
        bare.execute("VACUUM ANALYZE annotations_reviewtask, annotations_interaction")
        path = f"/api/v1/queues/{queue.slug}/claim/"
        recordings = [_recorded(bare, key, path) for key in keys]
        one = _taken_apart(site, bare, path, keys[0], recordings[0])
    # A process per reviewer, here and there: neither waits for its turn in one Python.
    with crew(REVIEWERS) as at_once:
        ours = joined(at_once(over_http, site.web, site.database_url, path, each=keys))
        alone = joined(at_once(by_sql, site.database_url, each=recordings))
    p50 = percentile(ours, 50)
    return Figure(
        percentile(ours, 99), "ms p99", percentile(alone, 99), len(ours),
        f"POST …/claim/, {QUEUED:,} queued, {REVIEWERS} reviewers at once, no pause between; reference: its SQL alone",
        {"p50": p50, "reference_p50": percentile(alone, 50), "queued": QUEUED,
         "statements": len(recordings[0][0].statements),
         "claims_per_s": round(REVIEWERS * 1000 / (sum(ours) / len(ours))),
         "with_one_reviewer": {"p50": percentile(one["there"], 50), "p99": percentile(one["there"], 99)},
         "goes_to_ms": _goes_to(p50, medians(one))},
    )  # fmt: skip


def _taken_apart(site: Stack, bare: Bare, path: str, key: str, recordings: list[Recording]) -> dict[str, list[float]]:
    """One reviewer's claims over HTTP, in this process, and by their SQL."""
    there, here = Caller(site.web, key), Here(key)

    def replayed(number: int) -> Replay:
        once_more = replay(bare, recordings[number % len(recordings)], learn=NEXT)
        bare.execute(DONE, {"task": once_more.own})
        return once_more

    return in_turns(
        EACH,
        there=lambda _: _claimed(bare, there, path),
        here=lambda _: _claimed(bare, here, path),
        sql=lambda number: replayed(number).sql_ms,
        commit=lambda number: replayed(number).commit_ms,
        **carried(site.web),
    )


def _goes_to(p50: float, one: dict[str, float]) -> dict[str, float]:
    return goes_to(
        p50,
        waiting=p50 - one["there"],
        http=one["live_there"] - one["live_here"],
        python=one["here"] - one["sql"] - one["commit"],
        sql=one["sql"],
        commit=one["commit"],
    )


def _recorded(bare: Bare, key: str, path: str) -> list[Recording]:
    here = Here(key)
    return record(lambda _: here.post(path)["task"], then=lambda task: bare.execute(DONE, {"task": task}))


def _claimed(bare: Bare, caller: Caller | Here, path: str) -> float:
    """Milliseconds of a claim, whose task is then done."""
    tasks: list[int] = []
    ms = timed(lambda: tasks.append(caller.post(path)["task"]))
    bare.execute(DONE, {"task": tasks[0]})
    return ms


def over_http(url: str, database_url: str, path: str, key: str) -> list[float]:
    """Milliseconds of each claim of one reviewer."""
    caller = Caller(url, key)
    with bare_connection(database_url) as bare:
        return [_claimed(bare, caller, path) for _ in range(EACH)]


def by_sql(database_url: str, recordings: list[Recording]) -> list[float]:
    """Milliseconds of the SQL of each claim of one reviewer."""
    times = []
    with bare_connection(database_url) as bare:
        for number in range(EACH):
            once_more = replay(bare, recordings[number % len(recordings)], learn=NEXT)
            times.append(once_more.ms)
            bare.execute(DONE, {"task": once_more.own})
    return times
