"""The URLconf as (pattern, name) pairs, and the table of who may do what, read from matrix.txt."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.urls import get_resolver
from django.urls.resolvers import URLResolver

from labelhub.projects.rights import Role

TABLE = Path(__file__).with_name("matrix.txt")
WORDS = {"everybody", "people", "nobody", "anon", "operator", *Role.values}


@dataclass(frozen=True)
class Row:
    """One line: on this route, these methods are for these callers; a key needs this scope besides."""

    pattern: str
    methods: frozenset[str]
    who: frozenset[str]
    scope: str  # '' where keys open nothing

    @property
    def area(self) -> str:
        starts = {"p/": "project", "api/v1/": "api", "v1/": "gateway", "admin/": "admin"}
        return next((area for start, area in starts.items() if self.pattern.startswith(start)), "open")


def patterns(resolver: Any = None, before: str = "") -> Iterator[str]:
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            yield from patterns(entry, before + str(entry.pattern))
        else:
            yield before + str(entry.pattern)


def read_table() -> list[Row]:
    lines = [line for line in TABLE.read_text().splitlines() if line.strip() and not line.startswith("#")]
    return [_row(re.split(r"\s{2,}", line.strip())) for line in lines]


def _row(cells: list[str]) -> Row:
    pattern, methods, who, scope = cells
    assert set(who.split()) <= WORDS, f"{pattern}: {who}"
    shown = "" if pattern == "(home)" else pattern
    return Row(shown, frozenset(methods.split()), frozenset(who.split()), scope.strip("-"))


def opens(row: Row, scopes: frozenset[str]) -> bool:
    """Whether a key's scopes are those of the row: `a b` is either, `a+b` both."""
    return any(set(needed.split("+")) <= scopes for needed in row.scope.split())
