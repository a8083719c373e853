"""Breaches planted by raw SQL, in the test's own transaction, to show that an invariant finds them."""

from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection

from labelhub.invariants import Invariant, look

Plant = Callable[[Any], None]
UNIQUE_OR_CHECK = "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype IN ('u', 'c')"
UNIQUE_INDEXES = (
    "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = %s::regclass AND indisunique AND NOT indisprimary"
)


def sql(statement: str, *values: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def unguarded(*tables: str) -> None:
    """Take from these tables what the database itself refuses a breach with: triggers, unique and check constraints."""
    sql("SET CONSTRAINTS ALL IMMEDIATE")  # a table with checks still to come cannot be altered
    for table in tables:
        sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for (name,) in sql(UNIQUE_OR_CHECK, table):
            sql(f'ALTER TABLE {table} DROP CONSTRAINT "{name}" CASCADE')
        for (name,) in sql(UNIQUE_INDEXES, table):
            sql(f"DROP INDEX {name}")


def update(row: Any, **values: Any) -> None:
    """Write into the row behind the back of everything that guards it."""
    table = row._meta.db_table
    unguarded(table)
    names = ", ".join(f'"{name}" = %s' for name in values)
    sql(f"UPDATE {table} SET {names} WHERE id = %s", *values.values(), row.pk)


def again(row: Any, **values: Any) -> None:
    """The row a second time under a new id, with `values` changed."""
    table = row._meta.db_table
    unguarded(table)
    names = [f'"{f.column}"' for f in row._meta.concrete_fields if not f.primary_key and f.column not in values]
    new = [f'"{name}"' for name in values]
    columns, chosen = ", ".join([*names, *new]), ", ".join([*names, *("%s" for _ in new)])
    sql(f"INSERT INTO {table} ({columns}) SELECT {chosen} FROM {table} WHERE id = %s", *values.values(), row.pk)


class Planting:
    """The planted breach of each of a slice's invariants, by name."""

    def __init__(self, invariants: Sequence[Invariant]) -> None:
        self.invariants = {one.name: one for one in invariants}
        self.plants: dict[str, Plant] = {}

    def __call__(self, name: str) -> Callable[[Plant], Plant]:
        assert name in self.invariants, f"There is no invariant {name!r} (any more)."

        def remember(plant: Plant) -> Plant:
            self.plants[name] = plant
            return plant

        return remember

    @property
    def names(self) -> list[str]:
        return list(self.invariants)

    def found(self) -> dict[str, tuple[str, ...]]:
        findings = [look(one) for one in self.invariants.values()]
        return {finding.name: finding.first for finding in findings if finding.breaches}

    def shows(self, name: str, world: Any) -> None:
        """Nothing is found before the plant of this invariant, and after it this invariant alone finds something."""
        assert name in self.plants, f"No breach is planted for {name!r}: plant one."
        assert look(self.invariants[name]).checked, f"There is no row in the world that {name!r} looks at."
        assert self.found() == {}
        self.plants[name](world)
        found = self.found()
        assert list(found) == [name], found
        assert all(sentence.endswith(".") for sentence in found[name])
