"""Who is given which task by a queue's rule. Knows no tables."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from heapq import nsmallest


@dataclass(frozen=True)
class Undealt:
    """A task that `wanted` more people are to be given, none of them in `but`."""

    task: int
    wanted: int
    but: Collection[int] = ()


def in_turn(people: list[int], last: int | None) -> list[int]:
    """`people` with whoever comes after `last` first."""
    start = people.index(last) + 1 if last in people else 0
    return people[start:] + people[:start]


def deal(tasks: Iterable[Undealt], people: list[int], waiting: Mapping[int, int]) -> list[tuple[int, int]]:
    """Task and person, in the order of `tasks`: each goes to whom the least is given.

    Of those to the first of `people`. `waiting`: how much each has already; with nothing there it is round-robin, and
    who was passed over is owed one.
    """
    place, load = {person: i for i, person in enumerate(people)}, {person: waiting.get(person, 0) for person in people}
    dealt = []
    for one in tasks:
        free = (person for person in people if person not in one.but)
        for person in nsmallest(one.wanted, free, key=lambda person: (load[person], place[person])):
            load[person] += 1
            dealt.append((one.task, person))
    return dealt
