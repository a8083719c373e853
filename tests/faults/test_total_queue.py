"""The checker finds each fault that is planted in a history, and nothing in one that only looks odd."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.faults.total_queue import Act, Stored, verdict

pytestmark = pytest.mark.bar("R3", "R4")


def claim(t: float, by: str, task: int, fence: int = 1, status: str = "ok") -> Act:
    return Act(t, t + 0.1, by, "claim", status, "q", task, fence)


def submit(t: float, by: str, task: int, fence: int = 1, status: str = "ok") -> Act:
    return Act(t, t + 0.1, by, "submit", status, "q", task, fence, key=f"{by}-{task}-{t:g}")


def expire(t: float, by: str) -> Act:
    return Act(t, t + 0.1, by, "expire", "ok")


def nothing(since: float, until: float, by: str) -> list[Act]:
    """Asked twice a second, and told each time that nothing is left."""
    return [claim(since + n / 2, by, 0) for n in range(int((until - since) * 2) + 1)]


def stored(*submits: Act) -> list[Stored]:
    return [Stored(act.key, act.task, act.by) for act in submits]


A, B, LATE_A = submit(1, "anna", 1), submit(3, "ben", 1), submit(5, "anna", 1)
WELL = [claim(0, "anna", 1), A]
LEFT = [claim(0, "anna", 1), expire(1, "anna"), claim(2, "ben", 1), B]


@pytest.mark.parametrize(
    ("history", "labels", "overlap"),
    [
        (WELL, stored(A), 1),
        ([WELL[0], replace(A, status="info")], stored(A), 1),
        ([WELL[0], replace(A, status="info"), claim(2, "anna", 1), B, LATE_A], stored(LATE_A, B), 2),
        (LEFT, stored(B), 1),
        ([*LEFT, replace(LATE_A, status="fail")], stored(B), 1),
        ([*LEFT[:2], LATE_A], stored(LATE_A), 1),  # late, and nobody else wanted it
        ([*LEFT[:3], expire(4, "ben"), LATE_A], stored(LATE_A), 1),
        ([*WELL, *nothing(2, 20, "ben")], stored(A), 1),
        ([claim(0, "anna", 1), *nothing(2, 20, "ben"), LATE_A], stored(LATE_A), 1),
        ([claim(0, "anna", 0, status="info"), *nothing(2, 20, "ben"), submit(21, "cleo", 1)], None, 1),
        ([replace(WELL[0], op="skip"), *nothing(1, 9, "anna"), B], stored(B), 1),
        ([claim(0, "ben", 1), expire(1, "ben"), *nothing(2, 6.5, "cleo"), B], stored(B), 1),
    ],
)
def test_what_may_happen_is_no_fault(history: Sequence[Act], labels: list[Stored] | None, overlap: int) -> None:
    labels = stored(*(act for act in history if act.op == "submit")) if labels is None else labels
    assert verdict(history, labels, {1: overlap}) == {}


@pytest.mark.parametrize(
    ("fault", "history", "labels", "overlap"),
    [
        ("lost", WELL, [], 1),
        ("unexpected", WELL[:1], stored(A), 1),
        ("unexpected", [WELL[0], replace(A, status="fail")], stored(A), 1),
        ("unexpected", WELL, [replace(stored(A)[0], by="ben")], 1),
        ("too many", [*WELL, claim(2, "ben", 1), B], stored(A, B), 1),
        ("twice", [*WELL, LATE_A], stored(A, LATE_A), 2),
        ("stale", [*LEFT[:3], LATE_A], stored(LATE_A), 1),
        ("stale", [*WELL[:1], claim(2, "anna", 1, fence=2), LATE_A], stored(LATE_A), 1),
        ("stale", [claim(0, "anna", 1, fence=2), replace(A, op="skip", fence=1), B], stored(B), 1),
        ("unreached", WELL, stored(A), 2),
        ("dead end", [*LEFT[:2], *nothing(2, 8, "ben"), submit(9, "ben", 1)], None, 1),
        ("dead end", [*WELL, *nothing(2, 8, "ben"), submit(9, "ben", 1)], None, 2),
        ("dead end", [replace(WELL[0], op="skip"), *nothing(2, 8, "ben"), submit(9, "ben", 1)], None, 1),
    ],
)
def test_the_checker_finds_a_planted(
    fault: str, history: Sequence[Act], labels: list[Stored] | None, overlap: int
) -> None:
    labels = stored(*(act for act in history if act.op == "submit")) if labels is None else labels
    assert fault in verdict(history, labels, {1: overlap})
