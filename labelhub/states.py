"""State changes as compare-and-swap: one UPDATE … WHERE state = old. The second mover is refused, never merged."""

from typing import Any

from django.db import models

from labelhub.errors import StaleState


def move(row: models.Model, *, to: str, **changes: Any) -> None:
    """Move `row.state` to `to` if the model's MOVES allow it and nobody was faster; `changes` are set with it.

    Raises StaleState when the row has left the state that `row` was read in, or when the move is not allowed.
    """
    old: str = row.state  # type: ignore[attr-defined]
    if to not in row.MOVES.get(old, set()):  # type: ignore[attr-defined]
        raise StaleState(f"This {row._meta.verbose_name} is {old}, it cannot become {to}.")
    moved = type(row)._default_manager.filter(pk=row.pk, state=old).update(state=to, **changes)
    if not moved:
        raise StaleState(
            f"This {row._meta.verbose_name} is no longer {old}: someone was faster. Reload and look again."
        )
    row.state = to  # type: ignore[attr-defined]
    for name, value in changes.items():
        setattr(row, name, value)
