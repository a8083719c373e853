"""The SQL of a request, recorded as Django sends it and replayed through bare psycopg: what the database alone costs.

Nothing of a recorded request is left out: the replay has its transactions, its savepoints, its pipelines and the
durability of the site.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection
from psycopg.pq import PipelineStatus, TransactionStatus

from labelhub.database import database
from labelhub.keys.limits import PORTIONS

Bare = psycopg.Connection[Any]


@dataclass(frozen=True)
class Statement:
    sql: str
    params: Any
    transaction: int  # of those of the request; 0: it commits by itself
    pipelined: bool


@dataclass(frozen=True)
class Recording:
    """The statements of one request, and what in them is its own: an id or a word, if anything."""

    statements: list[Statement]
    own: Any = None


@contextmanager
def recorded() -> Iterator[list[Statement]]:
    """Inside, every statement of this thread's connection is added to the list."""
    statements: list[Statement] = []
    transaction = 0

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal transaction
        line, inside = connection.connection, connection.in_atomic_block
        transaction += inside and line.pgconn.transaction_status == TransactionStatus.IDLE
        pipelined = line.pgconn.pipeline_status != PipelineStatus.OFF
        statements.append(Statement(sql, params, transaction if inside else 0, pipelined))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield statements


def record(ask: Callable[[int], Any], *, then: Callable[[Any], Any] = lambda own: None) -> list[Recording]:
    """The requests that `ask(number)` sends, one after another, each with what it returns as its own.

    The first two are let go: a key writes down that it is used, views are put together. Then follow as many as a
    process draws the right to at once, so that exactly one of them draws, as in the long run. `then` tidies up.
    """
    recordings = []
    for number in range(2 + settings.LABELHUB_KEY_REQUESTS_PER_MINUTE // PORTIONS):
        with recorded() as statements:
            own = ask(number)
        recordings.append(Recording(statements, own))
        then(own)
    return recordings[2:]


def bare_connection(database_url: str) -> Bare:
    """As Django's: its options, parameters bound by the client; autocommit outside transactions."""
    there: Any = database(database_url, "command")
    return psycopg.connect(
        dbname=there["NAME"], user=there["USER"], password=there["PASSWORD"], host=there["HOST"], port=there["PORT"],
        options=there["OPTIONS"]["options"], autocommit=True, cursor_factory=psycopg.ClientCursor,
    )  # fmt: skip


@dataclass
class Replay:
    """A request's statements once more. `own` stands where the recorded request had its own."""

    own: Any
    sql_ms: float = 0.0
    commit_ms: float = 0.0

    @property
    def ms(self) -> float:
        return self.sql_ms + self.commit_ms


def replay(bare: Bare, recording: Recording, own: Any = None, *, learn: str = "") -> Replay:
    """Run the statements again, with `own` for what was the request's own.

    `learn` is a piece of the statements of which one finds what is `own` in the statements after it: its first value.
    Raises LookupError where none of them finds anything.
    """
    once_more, began = Replay(recording.own if own is None else own), time.perf_counter()
    for number, together in groupby(recording.statements, key=lambda one: one.transaction):
        with _timed_transaction(bare, once_more) if number else nullcontext():
            for pipelined, some in groupby(together, key=lambda one: one.pipelined):
                with bare.pipeline() if pipelined else nullcontext():
                    cursors = [_run(bare, one, recording.own, once_more, learn) for one in some]
                for cursor in cursors:
                    if cursor.description:
                        cursor.fetchall()
    if learn and once_more.own == recording.own:
        raise LookupError(f"No statement with {learn!r} finds anything now.")
    once_more.sql_ms = (time.perf_counter() - began) * 1000 - once_more.commit_ms
    return once_more


def _run(bare: Bare, one: Statement, own: Any, once_more: Replay, learn: str) -> "psycopg.Cursor[Any]":
    cursor = bare.execute(one.sql, swapped(one.params, own, once_more.own))
    if learn and learn in one.sql and (row := cursor.fetchone()):
        once_more.own = row[0]
    return cursor


@contextmanager
def _timed_transaction(bare: Bare, once_more: Replay) -> Iterator[None]:
    with bare.transaction():
        yield
        done = time.perf_counter()
    once_more.commit_ms += (time.perf_counter() - done) * 1000


def swapped(value: Any, old: Any, new: Any) -> Any:
    """`value` with `new` for `old`: numbers as a whole, words also inside longer texts, both also inside lists."""
    if old is None or old == new:
        return value
    if isinstance(value, Mapping):
        return {name: swapped(one, old, new) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(swapped(one, old, new) for one in value)
    if isinstance(value, str) and isinstance(old, str):
        return value.replace(old, new)
    return new if isinstance(value, int) and value == old else value
