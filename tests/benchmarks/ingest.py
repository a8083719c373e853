"""Taking in events over HTTP, beside the same rows without LabelHub around them, all in one run on one machine."""

import itertools
import json
import secrets
from dataclasses import replace
from typing import Any

from django.utils import timezone

from annotations.capture.actions.ingest import ingest_interactions
from annotations.capture.payloads import interaction_row
from labelhub.body import parse_json
from labelhub.jobs.actions import queue_follow_up
from labelhub.jobs.follow_ups import following
from labelhub.jobs.models import Job
from labelhub.keys.actions import find_key
from labelhub.keys.models import Scope
from labelhub.projects.models import Project
from tests.benchmarks.bare_rows import bare_view, copies, inserts, replays, rows_of
from tests.benchmarks.callers import Caller, Here, carried, in_turns, timed
from tests.benchmarks.crew import crew
from tests.benchmarks.figures import Figure, goes_to, medians, percentile
from tests.benchmarks.load import Load, drive, post_bytes
from tests.benchmarks.replay import Recording, bare_connection, record, replay
from tests.factories import make_key, make_project
from tests.stack import Stack

CONNECTIONS, SECONDS, SHORT_S, TIMES = 8, 10.0, 4.0, 100
MARK = "@@@@@@@@@@@@"  # where each request has a number of its own
ASLEEP_S, FOLLOWED_S = 24 * 3600, 300
WORDS = "The lantern costs 45 euros and ships within two days to any address in the country. "


def ingest_single(site: Stack) -> Figure:
    """Events a second with one event a request."""
    return _ingest(site, "/api/v1/interactions/", 1, json.dumps(event(0)))


def ingest_batch50(site: Stack) -> Figure:
    """Events a second with fifty events a request."""
    return _ingest(site, "/api/v1/interactions/batch/", 50, json.dumps({"items": [event(n) for n in range(50)]}))


def event(n: int) -> dict[str, Any]:
    """About 2 KB of JSON."""
    messages = [{"role": "system", "content": WORDS * 6}, {"role": "user", "content": WORDS * 4}]
    return {
        "external_id": f"{MARK}-{n}", "session": f"{MARK}-s{n // 4}", "occurred_at": timezone.now().isoformat(),
        "messages": messages, "output": WORDS * 9, "model_version": "starter-4", "prompt_version": "p7",
        "environment": "production", "confidence": 0.83, "duration_ms": 412.5,
        "metadata": {"region": "eu", "channel": "web", "customer": f"c-{n}", "tags": ["a", "b"]},
    }  # fmt: skip


def _ingest(site: Stack, path: str, size: int, body: str) -> Figure:
    with site.database():
        project, quiet = make_project(), _quiet_project()
        key, quiet_key = make_key(project, Scope.INGEST), make_key(quiet, Scope.INGEST)
        recordings = _recorded(quiet_key, path, body)
        one = medians(_taken_apart(site, quiet, quiet_key, path, body, recordings))
    load = _over_http(site.web, path, key, body, SECONDS)
    _wait_until_followed(site, project)
    with bare_view(site, quiet.pk) as url:
        view = _over_http(url, "/", key, body, SHORT_S)
    with bare_connection(site.database_url) as bare:
        rows = rows_of(bare, project.pk)
    # A process per connection: no reference waits for its turn in one Python.
    with crew(CONNECTIONS) as at_once:
        alone = sum(at_once(replays, site.database_url, recordings, SECONDS))
        copied = sum(at_once(copies, site.database_url, rows, SHORT_S))
        inserted = sum(at_once(inserts, site.database_url, rows, SHORT_S))
    p50 = percentile(load.latencies_ms, 50)
    return Figure(
        size * load.answered / load.seconds, "events/s", size * alone, size * load.answered,
        f"POST {path}, {len(body) // size} bytes an event, {CONNECTIONS} connections; reference: its SQL alone",
        {"p50_ms": p50, "p99_ms": percentile(load.latencies_ms, 99), "sent_again": load.sent_again,
         "statements": len(recordings[0].statements), "with_one_connection": {"p50_ms": one["there"]},
         "bare_view_per_s": round(size * view.answered / view.seconds), "copy_per_s": round(copied),
         "insert_row_by_row_per_s": round(inserted), "goes_to_ms": _goes_to(p50, one)},
    )  # fmt: skip


def _quiet_project() -> Project:
    """One whose follow-ups are queued already and sleep for long: none of its requests wakes them, as most do not.

    A request that does queue them cannot be replayed, for its Jobs are there by then. Without it the reference is a
    little too fast, never too slow.
    """
    project = make_project()
    for one in following("captured"):
        queue_follow_up(one, project.pk, delay_s=ASLEEP_S)
    return project


def _wait_until_followed(site: Stack, project: Project) -> None:
    """Until the worker has read what came in, which would otherwise slow down what comes next."""

    def followed() -> bool:
        jobs = Job.objects.filter(project=project)
        return not (jobs.due() | jobs.running()).exists()

    with site.database():
        site.wait(followed, seconds=FOLLOWED_S, what="the worker has followed")


def _over_http(url: str, path: str, key: str, body: str, seconds: float) -> Load:
    request, run = post_bytes(url, path, key, body.encode()), secrets.token_hex(2)
    numbered = (request.replace(MARK.encode(), f"{run}{n:08d}".encode()) for n in itertools.count())
    load = drive(url, numbered, seconds=seconds, connections=CONNECTIONS)
    assert set(load.statuses) <= {200, 201}, load.statuses
    return load


def _recorded(key: str, path: str, body: str) -> list[Recording]:
    here = Here(key)

    def ask(number: int) -> str:
        token = secrets.token_hex(6)
        here.post(path, body.replace(MARK, token).encode())
        return token

    return record(ask)


def _taken_apart(
    site: Stack, project: Project, key: str, path: str, body: str, recordings: list[Recording]
) -> dict[str, list[float]]:
    """One request at a time, over HTTP, in this process, and each of its steps by itself."""
    there, here = Caller(site.web, key), Here(key)
    sent = [_numbered(body) for _ in range(2 * TIMES)]
    texts = [_numbered(body) for _ in range(TIMES)]
    items = [parsed.get("items", [parsed]) for parsed in map(parse_json, texts)]
    now = timezone.now()
    stores = [replace(one, statements=[s for s in one.statements if s.transaction]) for one in recordings]
    with bare_connection(site.database_url) as bare:
        return in_turns(
            TIMES,
            there=lambda n: timed(lambda: there.post(path, sent[n])),
            here=lambda n: timed(lambda: here.post(path, sent[-1 - n])),
            reading=lambda n: timed(lambda: parse_json(texts[n])),
            key=lambda n: timed(lambda: find_key(key)),
            checking=lambda n: timed(lambda: [interaction_row(item, now) for item in items[n]]),
            storing=lambda n: timed(lambda: ingest_interactions(project, items[n])),
            sql=lambda n: replay(bare, stores[n % len(stores)], secrets.token_hex(6)).sql_ms,
            commit=lambda n: replay(bare, stores[n % len(stores)], secrets.token_hex(6)).commit_ms,
            **carried(site.web),
        )


def _numbered(body: str) -> bytes:
    return body.replace(MARK, secrets.token_hex(6)).encode()


def _goes_to(p50: float, one: dict[str, float]) -> dict[str, float]:
    return goes_to(
        p50,
        waiting=p50 - one["there"],
        http=one["live_there"] - one["live_here"],
        django=one["here"] - one["reading"] - one["key"] - one["storing"],
        reading=one["reading"],
        key=one["key"],
        checking=one["checking"],
        writing_sql=one["storing"] - one["checking"] - one["sql"] - one["commit"],
        sql=one["sql"],
        commit=one["commit"],
    )
