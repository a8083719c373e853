"""The same work by several processes at once: threads of one Python take turns, which makes what they do look slow."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from itertools import repeat
from multiprocessing import get_context
from typing import Any

import django

from labelhub.jobs.tied import die_with

START_S = 120
_gate: Any = None  # in each process of a crew: where it waits for the others


@contextmanager
def crew(size: int) -> Iterator[Callable[..., list[Any]]]:
    """`at_once(work, *values, each=[…])`: what `size` processes give that call `work` at the same time.

    All of them get `values`, and after these each one its own of `each`, where given. `work` belongs to a module.
    """
    context = get_context("spawn")  # a fork would share this process's connections
    with ProcessPoolExecutor(size, context, _prepare, [context.Barrier(size), os.getpid()]) as pool:

        def at_once(work: Callable[..., Any], *values: Any, each: Sequence[Any] | None = None) -> list[Any]:
            calls = [(*values, one) for one in each] if each else [values] * size
            assert len(calls) == size  # the gate opens for all or none
            return list(pool.map(_with_the_others, repeat(work), calls))

        yield at_once


def _prepare(gate: Any, parent: int) -> None:
    global _gate
    die_with(parent)
    _gate = gate
    django.setup()


def _with_the_others(work: Callable[..., Any], values: tuple[Any, ...]) -> Any:
    """What is called has been imported by now, so that all begin with the work itself."""
    _gate.wait(START_S)
    return work(*values)


def joined(lists: Iterable[list[Any]]) -> list[Any]:
    return [value for values in lists for value in values]
