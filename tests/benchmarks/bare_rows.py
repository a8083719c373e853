"""Events a second without LabelHub around them: its SQL, COPY, INSERT, a bare Django view. Called by a crew."""

import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from annotations.capture.actions.ingest import INSERT_INTERACTIONS
from labelhub.management.programs import addresses
from tests.benchmarks.replay import Bare, Recording, bare_connection, replay
from tests.stack import CHECKOUT, Stack

OWN = "%%%%%%%%%%%%"  # where each row that is stored again has a word of its own
AT_ONCE = 2000
COLUMNS = """project_id, session_id, body_sha256, occurred_at, system_context, turns, prompt, output, documents,
    model_version, prompt_version, environment, user_role, metadata, text_escaped, clock_odd, external_id"""


def rows_of(bare: Bare, project_id: int) -> list[tuple[Any, ...]]:
    """Rows that the site has stored, as text."""
    texts = ", ".join(f"{name}::text" for name in COLUMNS.split(","))
    return bare.execute(
        f"SELECT {texts} || %s FROM annotations_interaction WHERE project_id = %s ORDER BY id LIMIT %s",
        [OWN, project_id, AT_ONCE],
    ).fetchall()


def replays(database_url: str, recordings: list[Recording], seconds: float) -> float:
    """Requests a second."""
    with bare_connection(database_url) as bare:

        def once_more(number: int) -> int:
            replay(bare, recordings[number % len(recordings)], secrets.token_hex(6))
            return 1

        return _a_second(once_more, seconds)


def copies(database_url: str, rows: list[tuple[Any, ...]], seconds: float) -> float:
    """Rows a second, many in each COPY and commit."""
    with bare_connection(database_url) as bare:

        def copy(number: int) -> int:
            name = secrets.token_hex(6)
            with bare.cursor().copy(f"COPY annotations_interaction ({COLUMNS}) FROM STDIN") as into:
                for *values, external_id in rows:
                    into.write_row([*values, external_id.replace(OWN, name)])
            return len(rows)

        return _a_second(copy, seconds)


def inserts(database_url: str, rows: list[tuple[Any, ...]], seconds: float) -> float:
    """Rows a second with an INSERT and a commit for each."""
    places = ", ".join("%s" for _ in COLUMNS.split(","))
    with bare_connection(database_url) as bare:

        def insert(number: int) -> int:
            *values, external_id = rows[number % len(rows)]
            own = external_id.replace(OWN, secrets.token_hex(6))
            bare.execute(f"INSERT INTO annotations_interaction ({COLUMNS}) VALUES ({places})", [*values, own])
            return 1

        return _a_second(insert, seconds)


def _a_second(work: Callable[[int], int], seconds: float) -> float:
    """How many a second of what `work(number)` tells that it has done."""
    began, done, number = time.perf_counter(), 0, 0
    while (spent := time.perf_counter() - began) < seconds:
        done += work(number)
        number += 1
    return done / spent


@contextmanager
def bare_view(site: Stack, project_id: int) -> Iterator[str]:
    """The address of `bare_view` under gunicorn, with the site's settings of gunicorn and of the pool."""
    where = addresses("127.0.0.1", 0, inference=False)
    more = {"BENCH_SQL": INSERT_INTERACTIONS, "BENCH_PROJECT": str(project_id)}
    settings = ["-c", "python:labelhub.management.web", "--bind", f"127.0.0.1:{where.web}"]
    command = [sys.executable, "-m", "gunicorn", *settings, "tests.benchmarks.bare_view"]
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
