"""How reliably a project's people judge: chance-corrected coefficients with their intervals, from labels of one task.

The coefficients and their sources are in reliability.py. What somebody could not judge counts as not judged.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations
from typing import TypeVar

from annotations.review.agreement import compared
from annotations.review.models import Label
from annotations.review.reliability import Level, Span, alpha, consensus, interval, kappa, span_f1, table
from labelhub.people.models import User
from labelhub.projects.models import Project

K = TypeVar("K")
V = TypeVar("V", bound=Hashable)
MOST = 20_000  # labels, the newest, that the figures rest on
FEW = 2  # items that a pair of people has in common, below which nothing is said of them


@dataclass(frozen=True)
class Coefficient:
    """Krippendorff's alpha with its 95 % interval, of `items` that several judged; None where nothing can be said."""

    name: str
    items: int
    alpha: float | None
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class Pair:
    """Two people: Cohen's kappa of their verdicts on the `items` that both judged."""

    one: User
    two: User
    items: int
    kappa: float | None


@dataclass(frozen=True)
class Team:
    verdict: Coefficient
    severity: Coefficient
    categories: list[Coefficient]
    queues: list[Coefficient]
    weeks: list[Coefficient]  # of the verdict, by the week in which the last of a task's labels came
    pairs: list[Pair]
    exact_spans: float | None  # F1 of span comments, 0 to 1
    overlapping_spans: float | None
    majority: dict[int, tuple[int, int]]  # person → tasks on which the others have a majority, and of them with it


def team(project: Project) -> Team:
    """Of the labels that `compared` gives; a fixed number of queries."""
    rows = compared(project).select_related("task__queue", "author").prefetch_related("comments__category")
    by_task: defaultdict[int, list[Label]] = defaultdict(list)
    for label in rows[:MOST]:
        by_task[label.task_id].append(label)
    tasks = [labels for labels in by_task.values() if len(labels) > 1]
    slugs = {item.category.slug: item.category.name for label in _all(tasks) for item in label.categories.all()}
    by_queue = _grouped(tasks, lambda labels: labels[0].task.queue.name)
    by_week = _grouped(tasks, lambda labels: _monday(max(one.created_at for one in labels).date()))
    first, second = _marked(tasks)
    return Team(
        verdict=_of_verdicts("Verdict", tasks),
        severity=_coefficient("Severity", tasks, _severity, (0, 1, 2, 3), "ordinal"),
        categories=[_of_category(slug, name, tasks) for slug, name in sorted(slugs.items(), key=lambda one: one[1])],
        queues=[_of_verdicts(name, some) for name, some in sorted(by_queue.items())],
        weeks=[_of_verdicts(f"{monday:%-d %b %Y}", some) for monday, some in sorted(by_week.items())],
        pairs=_pairs(tasks),
        exact_spans=span_f1(first, second, overlap=False),
        overlapping_spans=span_f1(first, second, overlap=True),
        majority=_majority(tasks),
    )


def _of_verdicts(name: str, tasks: Sequence[list[Label]]) -> Coefficient:
    return _coefficient(name, tasks, lambda label: label.verdict, Label.Verdict.values, "nominal")


def _of_category(slug: str, name: str, tasks: Sequence[list[Label]]) -> Coefficient:
    """Whether it was chosen or not."""
    return _coefficient(name, tasks, lambda label: slug in _slugs(label), (False, True), "nominal")


def _coefficient(
    name: str, tasks: Sequence[list[Label]], said: Callable[[Label], V], values: Sequence[V], level: Level
) -> Coefficient:
    if not tasks:
        return Coefficient(name, 0, None, None)
    rated = table(((label.author_id, label.task_id, said(label)) for label in _all(tasks)), values)
    return Coefficient(name, len(tasks), alpha(rated, level), interval(rated, level))


def _severity(label: Label) -> int:
    """The worst of the categories; 0 where none was chosen."""
    return max((item.severity for item in label.categories.all()), default=0)


def _slugs(label: Label) -> set[str]:
    return {item.category.slug for item in label.categories.all()}


def _pairs(tasks: Iterable[list[Label]]) -> list[Pair]:
    """The most in common first."""
    verdicts: defaultdict[tuple[User, User], tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for labels in tasks:
        for one, two in combinations(sorted(labels, key=lambda label: label.author_id), 2):
            ours, theirs = verdicts[one.author, two.author]
            ours.append(one.verdict)
            theirs.append(two.verdict)
    found = [Pair(one, two, len(ours), kappa(ours, theirs)) for (one, two), (ours, theirs) in verdicts.items()]
    return sorted((pair for pair in found if pair.items >= FEW), key=lambda pair: -pair.items)


def _marked(tasks: Iterable[list[Label]]) -> tuple[list[list[Span]], list[list[Span]]]:
    """What two people marked, for every pair of labels of one task."""
    pairs = [pair for labels in tasks for pair in combinations(labels, 2)]
    return [_spans(one) for one, _ in pairs], [_spans(two) for _, two in pairs]


def _spans(label: Label) -> list[Span]:
    return [(one.start, one.end, one.category.slug if one.category else None) for one in label.comments.all()]


def _majority(tasks: Iterable[list[Label]]) -> dict[int, tuple[int, int]]:
    found: defaultdict[int, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for labels in tasks:
        for mine in labels:
            others = [one.verdict for one in labels if one.author_id != mine.author_id]
            said = consensus(others) if len(others) > 1 else None
            if said is not None:
                number, alike = found[mine.author_id]
                found[mine.author_id] = number + 1, alike + (mine.verdict == said)
    return dict(found)


def _grouped(tasks: Iterable[list[Label]], key: Callable[[list[Label]], K]) -> dict[K, list[list[Label]]]:
    found: defaultdict[K, list[list[Label]]] = defaultdict(list)
    for labels in tasks:
        found[key(labels)].append(labels)
    return found


def _all(tasks: Iterable[list[Label]]) -> list[Label]:
    return [label for labels in tasks for label in labels]


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
