"""What must hold of stored rows at any moment: claims in words, each with the query that would refute it. Only reads.

A slice lists its own in `invariants.py`; `manage.py doctor` looks at all of them. Time is the transaction's
(`TransactionNow`), so that a long look at one moment of a busy site sees nobody grow silent.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from django.db import connection, transaction
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast, Length
from django.db.models.lookups import Exact, Regex

LISTED = 20
CHUNK = 500
_CR_IN_JSON = r"(^|[^\\])(\\\\)*\\r"  # an escape, not a backslash that was escaped itself


class Says(Protocol):
    def __call__(self, row: Any, /) -> str: ...


@dataclass(frozen=True, eq=False)
class Invariant:
    """A claim about `of`, which those of them refute that are `broken` (None: every row is looked at in Python).

    `says` is the breach in one sentence, with what to do: a format string over `row`, or a function that gives '' where
    a closer look finds nothing. `slow` ones read every row or file again, or compare every question with every other; a
    quick look leaves them out.
    """

    name: str
    of: QuerySet[Any]
    says: str | Says
    broken: Q | None = None
    slow: bool = False

    def breaches(self) -> Iterator[str]:
        rows = self.of.all() if self.broken is None else self.of.filter(self.broken)
        for row in rows.order_by("pk").iterator(chunk_size=CHUNK):
            sentence = self.says.format(row=row) if isinstance(self.says, str) else self.says(row)
            if sentence:
                yield sentence


@dataclass(frozen=True)
class Finding:
    """What a look at one invariant found: how many rows, how many breaches, the first of them."""

    name: str
    checked: int
    breaches: int
    first: tuple[str, ...]


def look(invariant: Invariant) -> Finding:
    first: list[str] = []
    total = 0
    for total, sentence in enumerate(invariant.breaches(), start=1):
        if total <= LISTED:
            first.append(sentence)
    return Finding(invariant.name, invariant.of.count(), total, tuple(first))


def breaches_of(invariants: Iterable[Invariant]) -> Iterator[str]:
    for invariant in invariants:
        yield from invariant.breaches()


@contextmanager
def at_one_moment() -> Iterator[None]:
    """The database as it is now, however long the block takes, and nothing can be written. Not inside a transaction."""
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SET LOCAL statement_timeout = 0")
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")  # hashing a large file takes a while
        yield


def differs(field: str, other: Any) -> Q:
    """Both are there and differ; nothing is said of empty ones, which a negated equality would catch."""
    return Q(**{f"{field}__lt": other}) | Q(**{f"{field}__gt": other})


def no_sha256(field: str) -> Q:
    """Ten times as fast on large tables as a pattern that counts to 64."""
    return ~Q(Exact(Length(field), 64)) | Q(**{f"{field}__regex": "[^0-9a-f]"})


def carriage_return_in(*texts: str, values: Iterable[str] = ()) -> Q:
    """Any of these texts, or a string or key anywhere in these JSON values, holds one."""
    found = Q()
    for name in texts:
        found |= Q(**{f"{name}__contains": "\r"})
    for name in values:
        found |= Q(Regex(Cast(name, TextField()), _CR_IN_JSON))
    return found
