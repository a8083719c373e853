"""Taking in events over HTTP, beside the same rows without LabelHub around them, all in one run on one machine."""

import itertools
import json
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.utils import timezone

from annotations.capture.actions.ingest import INSERT_INTERACTIONS, INSERT_SESSIONS, ingest_interactions
from annotations.capture.payloads import interaction_row
from labelhub.body import parse_json
from labelhub.keys.actions import find_key
from labelhub.keys.models import Scope
from labelhub.management.programs import addresses
from labelhub.projects.models import Project
from tests.benchmarks.figures import Figure, percentile
from tests.benchmarks.load import Load, drive, post_bytes
from tests.benchmarks.replay import Statement, bare_connection, recorded
from tests.benchmarks.rows import Bare
from tests.factories import make_key, make_project
from tests.stack import CHECKOUT, Stack

CONNECTIONS, SECONDS, SHORT_S, TIMES = 8, 10.0, 4.0, 100
MARK = "@@@@@@@@@@@@"  # where each request has a number of its own
WORDS = "The lantern costs 45 euros and ships within two days to any address in the country. "
COLUMNS = """project_id, session_id, body_sha256, occurred_at, system_context, turns, prompt, output, documents,
    model_version, prompt_version, environment, user_role, metadata, text_escaped, clock_odd, external_id"""
ROWS = f"SELECT {COLUMNS} || '-again' FROM annotations_interaction WHERE project_id = %s ORDER BY id LIMIT 2000"


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
        project = make_project()
        key = make_key(project, Scope.INGEST)
        statements, goes_to = _taken_apart(site, project, key, body)
    load = _over_http(site.web, path, key, body, SECONDS)
    one_at_a_time = _over_http(site.web, path, key, body, SHORT_S, connections=1)
    goes_to["rest"] = round(percentile(one_at_a_time.latencies_ms, 50) - sum(goes_to.values()), 2)
    with _bare_view(site, project) as url:
        view = _over_http(url, "/", key, body, SHORT_S)
    answers = load.answered
    return Figure(
        size * answers / load.seconds, "events/s", size * _replayed(site, statements), size * answers,
        f"POST {path}, {len(body) // size} bytes an event, {CONNECTIONS} connections; reference: its SQL alone",
        {"p50_ms": percentile(load.latencies_ms, 50), "p99_ms": percentile(load.latencies_ms, 99),
         "sent_again": load.sent_again, "bare_view_per_s": round(size * view.answered / view.seconds),
         "copy_per_s": round(_copied(site, project)), "insert_row_by_row_per_s": round(_inserted(site, project)),
         "goes_to_ms": goes_to},
    )  # fmt: skip


def _over_http(url: str, path: str, key: str, body: str, seconds: float, connections: int = CONNECTIONS) -> Load:
    request, run = post_bytes(url, path, key, body.encode()), secrets.token_hex(2)
    numbered = (request.replace(MARK.encode(), f"{run}{n:08d}".encode()) for n in itertools.count())
    load = drive(url, numbered, seconds=seconds, connections=connections)
    assert set(load.statuses) <= {200, 201}, load.statuses
    return load


def _taken_apart(site: Stack, project: Project, key: str, body: str) -> tuple[list[Statement], dict[str, float]]:
    """The statements of one request, and the milliseconds of its parts, each repeated alone on the idle site."""
    texts = [body.replace(MARK, secrets.token_hex(6)).encode() for _ in range(TIMES)]
    items = [parsed.get("items", [parsed]) for parsed in map(parse_json, texts)]
    now = timezone.now()
    find_key(key)  # the first use is written down
    with recorded() as everything:
        find_key(key)
        ingest_interactions(project, items[0])
    token = items[0][0]["external_id"][: len(MARK)]
    statements = [_marked(one, token) for one in everything if _is_each_requests(one.sql)]
    parts = {
        "reading": _median(lambda n: parse_json(texts[n])),
        "key": _median(lambda n: find_key(key)),
        "checking": _median(lambda n: [interaction_row(item, now) for item in items[n]]),
    }
    storing = _median(lambda n: ingest_interactions(project, items[n]), skip=1)
    with bare_connection(site.database_url) as bare:
        parts["sql"], parts["commit"] = _sql_and_commit(bare, statements[1:])
    parts["writing_sql"] = round(storing - parts["checking"] - parts["sql"] - parts["commit"], 2)
    return statements, parts


def _median(work: Callable[[int], Any], skip: int = 0) -> float:
    times = []
    for n in range(skip, TIMES):
        began = time.perf_counter()
        work(n)
        times.append((time.perf_counter() - began) * 1000)
    return percentile(times, 50)


def _is_each_requests(sql: str) -> bool:
    """Not what wakes a worker that nobody has woken yet."""
    return sql.lstrip().startswith(("SELECT", "INSERT", "UPDATE")) and (
        "KEY SHARE" in sql or not ("labelhub_job" in sql or "django_q" in sql)
    )


def _marked(statement: Statement, token: str) -> Statement:
    return Statement(statement.sql, _with(statement.params, token, MARK), statement.in_transaction)


def _with(value: Any, old: str, new: str) -> Any:
    if isinstance(value, list | tuple):
        return [_with(one, old, new) for one in value]
    return value.replace(old, new) if isinstance(value, str) else value


def _sql_and_commit(bare: Bare, statements: list[Statement]) -> tuple[float, float]:
    sql, commit = [], []
    for _ in range(TIMES):
        began = time.perf_counter()
        done = _replay(bare, statements)
        sql.append((done - began) * 1000)
        commit.append((time.perf_counter() - done) * 1000)
    return percentile(sql, 50), percentile(commit, 50)


def _replay(bare: Bare, statements: list[Statement]) -> float:
    """The statements of a request once more, for events of their own, sent as the request sends them.

    Returns when they were done, by time.perf_counter(), before the commit.
    """
    token = secrets.token_hex(6)
    with bare.transaction():
        with bare.pipeline():
            for one in statements:
                bare.execute(one.sql, _with(one.params, MARK, token))
        return time.perf_counter()


def _replayed(site: Stack, statements: list[Statement]) -> float:
    """Requests a second, by as many connections as ask over HTTP."""
    until, done = time.perf_counter() + SHORT_S, [0] * CONNECTIONS

    def work(place: int) -> None:
        with bare_connection(site.database_url) as bare:
            while time.perf_counter() < until:
                bare.execute(statements[0].sql, statements[0].params)
                _replay(bare, statements[1:])
                done[place] += 1

    threads = [threading.Thread(target=work, args=[place]) for place in range(CONNECTIONS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / (time.perf_counter() - began)


def _copied(site: Stack, project: Project) -> float:
    """Rows a second of one COPY of 2,000 of the very rows, committed."""
    with bare_connection(site.database_url) as bare:
        with bare.cursor().copy(f"COPY ({ROWS % project.pk}) TO STDOUT") as copy:
            rows = b"".join(bytes(piece) for piece in copy)
        began = time.perf_counter()
        with bare.cursor().copy(f"COPY annotations_interaction ({COLUMNS}) FROM STDIN") as copy:
            copy.write(rows)
        return rows.count(b"\n") / (time.perf_counter() - began)


def _inserted(site: Stack, project: Project) -> float:
    """Rows a second with an INSERT and a commit for each, on one connection."""
    names = COLUMNS.split(",")
    insert = f"INSERT INTO annotations_interaction ({COLUMNS}) VALUES ({', '.join(['%s'] * len(names))})"
    texts = ", ".join(f"{name}::text" for name in names)
    with bare_connection(site.database_url) as bare:
        rows = bare.execute(
            f"SELECT {texts} || '-alone' FROM annotations_interaction WHERE project_id = %s LIMIT 500", [project.pk]
        ).fetchall()
        began = time.perf_counter()
        for row in rows:
            bare.execute(insert, row)
        return len(rows) / (time.perf_counter() - began)


@contextmanager
def _bare_view(site: Stack, project: Project) -> Iterator[str]:
    """The address of `bare_view` under gunicorn, with the site's settings of gunicorn and of the pool."""
    where = addresses("127.0.0.1", 0, inference=False)
    more = {"BENCH_SQL": json.dumps([INSERT_SESSIONS, INSERT_INTERACTIONS]), "BENCH_PROJECT": str(project.pk)}
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "-c",
        "python:labelhub.management.web",
        "tests.benchmarks.bare_view",
        "--bind",
        f"127.0.0.1:{where.web}",
    ]
    environment = {**site.environment, **more, "LABELHUB_PROCESS": "web"}
    with (site.folder / "bare_view.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=log, stderr=log)
    try:
        site.wait(lambda: _listens(where.web), seconds=30, what="the bare view answers")
        yield f"http://127.0.0.1:{where.web}"
    finally:
        process.terminate()
        process.wait(20)


def _listens(port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0
