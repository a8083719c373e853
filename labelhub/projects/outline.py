"""Categories as an indented outline, one a line: how people write a taxonomy down. Knows no tables.

unsafe | Unsafe | Following it could hurt somebody.
  unsafe-dose | Wrong dose | An amount that harms.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from labelhub.errors import Invalid, ensure

STEP, DEEPEST, MOST = "  ", 3, 60
SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
LINE = re.compile(r"[^\x00-\x1f\x7f\x85\u2028\u2029]*")


@dataclass(frozen=True)
class Entry:
    """A category as it is written down; parent: the slug that it lies below, '' at the top."""

    slug: str
    name: str
    description: str = ""
    parent: str = ""


def read_outline(text: str) -> list[Entry]:
    """The entries of an outline, each after the one that it lies below. Raises Invalid."""
    found: list[Entry] = []
    above: list[str] = []  # the slugs that the next line may lie below
    for number, line in enumerate(text.replace("\t", STEP).split("\n"), start=1):
        if not line.strip():
            continue
        depth, odd = divmod(len(line) - len(line.lstrip(" ")), len(STEP))
        below = f"Line {number}: indent by two spaces below the category above it."
        ensure(not odd and depth <= len(above), Invalid(below, field="outline"))
        slug, name, description = (part.strip() for part in [*line.split("|", 2), "", ""][:3])
        found.append(Entry(slug, name, description, above[depth - 1] if depth else ""))
        above = [*above[:depth], slug]
    return checked(found)


def write_outline(entries: Iterable[Entry]) -> str:
    """What `read_outline` reads again."""
    depth: dict[str, int] = {"": -1}
    lines = []
    for entry in entries:
        depth[entry.slug] = depth[entry.parent] + 1
        parts = [entry.slug, entry.name, *([entry.description] if entry.description else [])]
        lines.append(STEP * depth[entry.slug] + " | ".join(parts))
    return "\n".join(lines)


def checked(entries: Sequence[Entry]) -> list[Entry]:
    """The entries, if they make a taxonomy. Raises Invalid with the category."""
    ensure(entries, Invalid("Name at least one category: without any nobody can say what was wrong.", field="outline"))
    ensure(len(entries) <= MOST, _wrong("Categories", f"more than {MOST}: nobody chooses among so many"))
    depth: dict[str, int] = {"": 0}
    for number, one in enumerate(entries, start=1):
        at = f"Category {number}"
        ensure(SLUG.fullmatch(one.slug), _wrong(at, "begin with a short name of small letters, digits and hyphens"))
        at = f"Category {one.slug}"
        ensure(one.slug not in depth, _wrong(at, "its short name stands twice"))
        ensure(one.parent in depth, _wrong(at, f"{one.parent[:60]!r} does not stand above it"))
        ensure(0 < len(one.name) <= 80, _wrong(at, "after the short name and a | comes a name of 1 to 80 characters"))
        ensure(len(one.description) <= 300, _wrong(at, "a description has at most 300 characters"))
        one_line = LINE.fullmatch(one.name + one.description) and "|" not in one.name
        ensure(one_line, _wrong(at, "name and description stand on one line, without | in the name"))
        depth[one.slug] = depth[one.parent] + 1
        ensure(depth[one.slug] <= DEEPEST, _wrong(at, f"it lies more than {DEEPEST} levels deep"))
    return list(entries)


def _wrong(at: str, what: str) -> Invalid:
    return Invalid(f"{at}: {what}.", field="outline")
