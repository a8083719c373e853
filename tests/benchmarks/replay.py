"""The SQL of a request, recorded as Django sends it and replayed through bare psycopg: what the database alone costs."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
from django.db import connection


@dataclass(frozen=True)
class Statement:
    sql: str
    params: Any
    in_transaction: bool


@contextmanager
def recorded() -> Iterator[list[Statement]]:
    """Inside, every statement of this thread's connection is added to the list."""
    statements: list[Statement] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append(Statement(sql, params, connection.in_atomic_block))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield statements


def bare_connection(database_url: str) -> "psycopg.Connection[Any]":
    """As Django's: parameters are bound by the client; autocommit outside transactions."""
    parts, server = urlsplit(database_url), urlsplit(os.environ["DATABASE_URL"])
    host = parse_qs(server.query).get("host", [server.hostname or ""])[0]
    return psycopg.connect(
        dbname=parts.path.lstrip("/"), user=server.username, password=server.password, host=host, port=server.port,
        autocommit=True, cursor_factory=psycopg.ClientCursor,
    )  # fmt: skip


def replay(
    bare: "psycopg.Connection[Any]", statements: list[Statement], learn: Mapping[str, Any] = {}
) -> dict[Any, Any]:
    """Run `statements` again; consecutive ones of a transaction share one.

    `learn` names what differs from run to run: a piece of SQL → the first value that this statement returned when it
    was recorded. Wherever that value was a parameter, the value returned now is sent. Returns recorded → now.
    """
    now: dict[Any, Any] = {}
    for together, group in _groups(statements):
        with bare.transaction() if together else nullcontext():
            for statement in group:
                cursor = bare.execute(statement.sql, _renamed(statement.params, now))
                rows = cursor.fetchall() if cursor.description else []
                for piece, value in learn.items():
                    if piece in statement.sql and rows:
                        now[value] = rows[0][0]
    return now


def _groups(statements: list[Statement]) -> Iterator[tuple[bool, list[Statement]]]:
    group: list[Statement] = []
    for statement in statements:
        if group and group[-1].in_transaction != statement.in_transaction:
            yield group[-1].in_transaction, group
            group = []
        group.append(statement)
    if group:
        yield group[-1].in_transaction, group


def _renamed(params: Any, now: Mapping[Any, Any]) -> Any:
    if isinstance(params, Mapping):
        return {name: _new(value, now) for name, value in params.items()}
    return tuple(_new(value, now) for value in params) if params else params


def _new(value: Any, now: Mapping[Any, Any]) -> Any:
    return now.get(value, value) if isinstance(value, int) else value
