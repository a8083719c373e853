"""How alike people judge: the same task judged by several, and calibration items against their gold answer.

Of each pair of judgements 1 - their distance (see ranking.py); of each category how often one chose it where the other
did (positive specific agreement; Cicchetti and Feinstein, 1990). Nobody is compared before their own judgement stands.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models import Avg, Count, Exists, Max, OuterRef, Q
from django.db.models.functions import Now

from annotations.review.diff import Piece, word_diff
from annotations.review.models import CalibrationResult, Label, LabelQuerySet, ReviewTask
from annotations.review.ranking import Judgement, disagreement, said_by
from labelhub.people.models import User
from labelhub.projects.models import Category, Membership, Project
from labelhub.projects.rights import Right, roles_with

DAYS, MOST, SHOWN = 90, 300, 20
SHORT = 4_000  # characters up to which two rewrites are compared word by word


@dataclass(frozen=True)
class Share:
    """`number`: judgements that were compared; `mean`: their agreement, 0 to 1, None without any."""

    number: int = 0
    mean: float | None = None


@dataclass(frozen=True)
class OfCategory:
    """A category in `number` pairs in which one of the two chose it, and in `both` of them both."""

    category: Category
    number: int
    both: int

    @property
    def share(self) -> float:
        return 2 * self.both / (self.number + self.both)


@dataclass(frozen=True)
class Difference:
    """A decided task on which two people said otherwise."""

    mine: Label
    other: Label

    @property
    def diff(self) -> list[Piece]:
        """Between the two better answers; [] where one wrote none, or they are too long."""
        both = self.mine.rewrite, self.other.rewrite
        return word_diff(*both) if all(both) and max(map(len, both)) <= SHORT else []


@dataclass(frozen=True)
class Agreement:
    """Of one person with their peers in the last DAYS days."""

    peers: Share
    calibration: Share
    categories: list[OfCategory] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)


def agreement(user: User, project: Project) -> Agreement:
    """A fixed number of queries."""
    pairs = _pairs(user, project)
    alike = [1 - disagreement([said_by(mine), said_by(other)]) for mine, other in pairs]
    apart = [pair for pair, one in zip(pairs, alike, strict=True) if one < 1 and _is_decided(pair[0].task)]
    by_slug = {one.slug: one for one in project.taxonomy.category_set.all()}
    return Agreement(
        share_of(alike), calibration(user, project), by_category(pairs, by_slug),
        [Difference(mine, other) for mine, other in apart[:SHOWN]],
    )  # fmt: skip


def share_of(alike: Iterable[float]) -> Share:
    found = list(alike)
    return Share(len(found), sum(found) / len(found) if found else None)


def calibration(user: User, project: Project) -> Share:
    """Of `user` with the gold answers of calibration items, where the queue tells people of it."""
    told = CalibrationResult.objects.filter(label__author=user, label__project=project)
    told = told.filter(label__task__queue__calibration_feedback=True, label__created_at__gte=_since())
    found = told.aggregate(number=Count("pk"), mean=Avg("agreement"))
    return Share(found["number"], found["mean"])


def by_category(pairs: Iterable[tuple[Label, Label]], known: Mapping[str, Category]) -> list[OfCategory]:
    """The `known` categories that somebody of the pairs chose, the most chosen first."""
    either: Counter[str] = Counter()
    both: Counter[str] = Counter()
    for mine, other in pairs:
        (_, one), (_, two) = said_by(mine), said_by(other)
        either.update(one | two)
        both.update(one & two)
    return [OfCategory(known[slug], number, both[slug]) for slug, number in either.most_common() if slug in known]


@dataclass(frozen=True)
class Reviewer:
    """One member as moderators see them: `last`: when a calibration item was judged last."""

    user: User
    peers: Share
    calibration: Share
    last: object


def reviewers(project: Project) -> list[Reviewer]:
    """Everybody who judges in `project`, by name; a fixed number of queries."""
    members = Membership.objects.filter(project=project, user__is_active=True, role__in=roles_with(Right.LABEL))
    people = [one.user for one in members.select_related("user").order_by("user__name", "user__email")]
    alike = _alike_by_person(compared(project))
    since = Q(label__project=project, label__created_at__gte=_since())
    rows = CalibrationResult.objects.filter(since).order_by().values("label__author")
    found = rows.values_list("label__author", Count("pk"), Avg("agreement"), Max("label__created_at"))
    gold = {author: (Share(number, mean), last) for author, number, mean, last in found}
    return [Reviewer(one, share_of(alike[one.pk]), *gold.get(one.pk, (Share(), None))) for one in people]


def _since() -> object:
    return Now() - timedelta(days=DAYS)


def _is_decided(task: ReviewTask) -> bool:
    """Nobody judges it any more: what others said gives nothing away."""
    return task.state != ReviewTask.State.OPEN


def compared(project: Project) -> LabelQuerySet:
    """Labels that count, of tasks that several people have judged, the newest first."""
    others = Label.objects.independent().filter(task=OuterRef("task")).exclude(author=OuterRef("author"))
    rows = Label.objects.independent().filter(project=project, task__calibration=False, created_at__gte=_since())
    rows = rows.filter(Exists(others)).exclude(verdict=Label.Verdict.CANNOT_JUDGE)
    return rows.select_related("task").prefetch_related("categories__category").order_by("-pk")


def _pairs(user: User, project: Project) -> list[tuple[Label, Label]]:
    """`user`'s label and that of somebody else, of the same task, the newest first."""
    mine = list(compared(project).filter(author=user).select_related("task__interaction")[:MOST])
    others: defaultdict[int, list[Label]] = defaultdict(list)
    theirs = compared(project).filter(task__in=[label.task_id for label in mine]).exclude(author=user)
    for label in theirs.select_related("author"):
        others[label.task_id].append(label)
    return [(label, other) for label in mine for other in others[label.task_id]]


def _alike_by_person(labels: Iterable[Label]) -> Mapping[int, list[float]]:
    """Person → the agreement of each of their judgements with each of the others' of the same task."""
    said: defaultdict[int, list[tuple[int, Judgement]]] = defaultdict(list)
    for label in labels:
        said[label.task_id].append((label.author_id, said_by(label)))
    alike: defaultdict[int, list[float]] = defaultdict(list)
    for judgements in said.values():
        for author, one in judgements:
            alike[author] += [1 - disagreement([one, two]) for other, two in judgements if other != author]
    return alike
