"""What became of a person's labels: decided on by whom, sent back why, taught to which version."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models import Aggregate, Count, Exists, FloatField, OuterRef, Q
from django.db.models.functions import Now

from annotations.review.diff import Piece, word_diff
from annotations.review.models import Label
from labelhub.people.models import User
from labelhub.projects.models import Project
from training.loop.today import OUTCOMES
from training.registry.live import live_version
from training.runs.models import ModelVersion

PAGE, PACE_DAYS = 30, 30
SHORT = 4_000  # characters up to which a list shows what changes word by word


@dataclass(frozen=True)
class Taught:
    """A version that learned from a label."""

    number: int
    is_live: bool


@dataclass(frozen=True)
class Past:
    """One of a person's labels; `taught`: the newest version first."""

    label: Label
    taught: list[Taught] = field(default_factory=list)

    @property
    def waits(self) -> bool:
        """Nobody has decided on it, so its author may take it back."""
        ends = ("approval", "returned", "withdrawal", "calibration", "overruling")
        return not any(hasattr(self.label, end) for end in ends)

    @property
    def is_revisable(self) -> bool:
        """It is approved, and no newer version of it waits or was approved."""
        return hasattr(self.label, "approval") and self.label.stands and not self.is_final  # type: ignore[attr-defined]

    @property
    def is_final(self) -> bool:
        """It settled what others had said."""
        return hasattr(self.label, "adjudication") and self.label.adjudication.by_id == self.label.author_id

    @property
    def diff(self) -> list[Piece]:
        """[] when there is nothing to compare, or too much."""
        output, rewrite = self.label.task.interaction.output, self.label.rewrite
        return word_diff(output, rewrite) if rewrite and max(len(output), len(rewrite)) <= SHORT else []


@dataclass(frozen=True)
class History:
    """The newest first; `more`: the label id before which there are others, None at the end."""

    past: list[Past]
    more: int | None


def history(user: User, project: Project, *, before: int | None = None, outcome: str = "") -> History:
    """Labels of `user` in `project`, at most PAGE of those before the id `before`; `outcome`: only one of OUTCOMES."""
    mine = Label.objects.told_to_author(user).filter(project=project).filter(OUTCOMES.get(outcome, Q())).with_evidence()
    stands = Exists(Label.objects.standing().filter(pk=OuterRef("pk")))
    mine = (
        mine.select_related(
            "approval__by", "returned__by", "withdrawal", "calibration", "adjudication", "overruling__adjudication__by"
        )
        .annotate(stands=stands, asked=Exists(Label.objects.asked().filter(pk=OuterRef("pk"))))
        .order_by("-pk")
    )
    found = list((mine.filter(pk__lt=before) if before else mine)[: PAGE + 1])
    labels = found[:PAGE]
    taught = _taught(project, [label.pk for label in labels])
    more = labels[-1].pk if len(found) > PAGE else None
    return History([Past(label, taught[label.pk]) for label in labels], more)


class Median(Aggregate):
    """https://www.postgresql.org/docs/current/functions-aggregate.html, percentile_cont."""

    function = "PERCENTILE_CONT"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()


@dataclass(frozen=True)
class Pace:
    """Labels of the last PACE_DAYS days with time measured, and the median of their active seconds."""

    number: int
    seconds: float | None


def pace(user: User, project: Project) -> Pace:
    """Of labels that `user` stands by. Idle time is not counted: the desk stops the clock after half a minute."""
    since = Now() - timedelta(days=PACE_DAYS)
    mine = Label.objects.filter(author=user, project=project, created_at__gte=since, active_seconds__gt=0)
    found = mine.filter(withdrawal=None).aggregate(number=Count("pk"), seconds=Median("active_seconds"))
    return Pace(found["number"], found["seconds"])


def _taught(project: Project, labels: Sequence[int]) -> dict[int, list[Taught]]:
    """Label id → the versions trained on a snapshot that holds its approval."""
    live, found = live_version(project), defaultdict(list)
    label = "run__snapshot__rows__approval__label"
    versions = ModelVersion.objects.of(project).filter(**{f"{label}__in": labels}).order_by("-number").distinct()
    for of, pk, number in versions.values_list(label, "pk", "number"):
        found[of].append(Taught(number, is_live=live is not None and live.pk == pk))
    return found
