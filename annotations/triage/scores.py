"""One table of how answers are rated: by people, by their reception, by heuristics, by the judge model.

It rests on the newest LOOKED_AT answers: so its lines are of the same ones, and a page costs the same however many
there are. What people and end users said is read where it stands; only what has no other place is a Score.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import (
    Avg,
    BooleanField,
    Case,
    CharField,
    Count,
    ExpressionWrapper,
    F,
    FloatField,
    Q,
    QuerySet,
    TextField,
    Value,
    When,
)
from django.db.models.functions import Cast, Now

from annotations.capture.models import Feedback, Interaction, Metric, Score
from annotations.capture.scoring import CONFIDENCE, EXPERT, JUDGE, LOGPROB, RECEPTION
from annotations.review.models import Approval, Label
from annotations.review.reliability import kappa
from annotations.triage.models import Rule
from annotations.triage.rules import CHECKS
from labelhub.projects.models import Project

LOOKED_AT, WINDOWS = 10_000, (7, 30, 90)
MOST_LINES, SHOWN = 100, 50
ENOUGH = 30  # answers that both judged, below which an agreement may be chance
STORED = "stored"
Verdict, Source = Label.Verdict, Metric.Source
READ_IN_PLACE = {
    EXPERT: (Source.PERSON, "Approved labels: good as it is counts 1, flawed 0."),
    RECEPTION: (Source.SIGNAL, "Thumbs count 1 or 0, ratings of 1 to 5 from 0 to 1."),
    CONFIDENCE: (Source.HEURISTIC, "How sure the model was, as it was sent in."),
    LOGPROB: (Source.HEURISTIC, "Mean log-probability of the answer’s tokens, in nats."),
}


@dataclass(frozen=True)
class Window:
    """The last `days`: how many scores, their mean, how many are low; of a class its share of its metric's."""

    days: int
    number: int
    mean: float | None
    low: int
    share: float


@dataclass(frozen=True)
class Line:
    """One metric, or one class of it. `key` names it in addresses."""

    key: str
    name: str
    source: str
    about: str
    says: str
    threshold: float | None
    windows: list[Window]


def lines(project: Project) -> list[Line]:
    """By source and name; a fixed number of queries."""
    found: list[dict[str, Any]] = []
    for rows in scored(project).values():
        counted = rows.values("line", "says", "low_below").annotate(**_figures()).filter(number_90__gt=0)
        found += counted.order_by("-number_90")[:MOST_LINES]
    metrics = Metric.objects.in_bulk([int(row["line"]) for row in found if row["line"].isdecimal()])
    totals: Counter[tuple[str, int]] = Counter()
    for row in found:
        totals.update({(row["line"], days): row[f"number_{days}"] for days in WINDOWS})
    made = [_line(row, metrics, totals) for row in found]
    return sorted(made, key=lambda line: (Source.labels.index(line.source), line.name, line.says))


def _line(row: dict[str, Any], metrics: dict[int, Metric], totals: Counter[tuple[str, int]]) -> Line:
    key, metric = row["line"], metrics.get(int(row["line"])) if row["line"].isdecimal() else None
    source, about = (metric.source, metric.description) if metric else READ_IN_PLACE[key]
    name = f"{metric.name}, version {metric.version}" if metric else key
    windows = [
        Window(
            days, row[f"number_{days}"], row[f"mean_{days}"], row[f"low_{days}"],
            row[f"number_{days}"] / (totals[key, days] or 1),
        )
        for days in WINDOWS
    ]  # fmt: skip
    return Line(key, name, str(Source(source).label), about, row["says"], row["low_below"], windows)


def _figures() -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for days in WINDOWS:
        lately = Q(happened_at__gt=Now() - timedelta(days=days))
        figures |= {
            f"number_{days}": Count("pk", filter=lately),
            f"mean_{days}": Avg("worth", filter=lately),
            f"low_{days}": Count("pk", filter=lately & Q(worth__lt=F("low_below"))),
        }
    return figures


def scored(project: Project) -> dict[str, QuerySet[Any]]:
    """What rates the newest answers, by the line that it makes; all that is a Score under STORED.

    Annotated alike: line, worth (a number, None of a class), says (the class, or ''), low_below, answer (the id of the
    interaction), happened_at (when it was given), words (that stand beside it).
    """
    recent = Interaction.objects.filter(project=project).order_by("-pk").values("pk")[:LOOKED_AT]
    answers = Interaction.objects.filter(pk__in=recent)
    signs = Feedback.objects.filter(interaction__in=recent, kind__in=[Feedback.Kind.THUMB, Feedback.Kind.RATING])
    gold = Approval.objects.filter(interaction__in=recent, label__verdict__in=[Verdict.GOOD, Verdict.FLAWED]).current()
    given = Score.objects.filter(interaction__in=recent).given()
    liked = Case(
        When(kind=Feedback.Kind.RATING, then=(F("value") - 1.0) / 4.0), When(value__gt=0, then=1.0), default=0.0,
        output_field=FloatField(),
    )  # fmt: skip
    good = Case(When(label__verdict=Verdict.GOOD, then=1.0), default=0.0, output_field=FloatField())
    of_answers = {"answer": F("pk"), "happened_at": F("occurred_at")}
    return {
        EXPERT: _alike(gold, EXPERT, worth=good, low_below=_number(0.5)),
        RECEPTION: _alike(signs, RECEPTION, worth=liked, low_below=_number(0.5), words=F("text")),
        CONFIDENCE: _alike(
            answers.exclude(confidence=None), CONFIDENCE, worth=F("confidence"), **of_answers,
            low_below=_number(CHECKS[Rule.Kind.LOW_CONFIDENCE].threshold),
        ),
        LOGPROB: _alike(
            answers.exclude(mean_logprob=None), LOGPROB, worth=F("mean_logprob"), **of_answers,
            low_below=_number(CHECKS[Rule.Kind.LOW_LOGPROB].threshold),
        ),
        STORED: _alike(
            given, STORED, line=Cast("metric", CharField()), worth=F("value"), low_below=F("metric__threshold"),
            says=F("label"), words=F("note"),
        ),
    }  # fmt: skip


def _alike(rows: QuerySet[Any], name: str, **own: Any) -> QuerySet[Any]:
    blank = Value("", TextField())
    shared = {"line": Value(name), "answer": F("interaction"), "happened_at": F("interaction__occurred_at")}
    return rows.annotate(**{**shared, "says": blank, "words": blank, **own})


def _number(value: float | None) -> Value:
    return Value(value, FloatField())


@dataclass(frozen=True)
class Rated:
    """An answer behind a number: what it was given, and the words that stand beside it."""

    answer: Interaction
    worth: float | None
    words: str


def behind(project: Project, key: str, days: int, says: str) -> list[Rated]:
    """What a line's number counts, the newest SHOWN: its low scores or, of a class, all."""
    by_line = scored(project)
    rows = by_line.get(key, by_line[STORED]).filter(line=key, says=says)
    rows = rows.filter(happened_at__gt=Now() - timedelta(days=days))
    low = rows if says else rows.filter(worth__lt=F("low_below"))
    found = list(low.order_by("-happened_at", "-pk").values_list("answer", "worth", "words")[:SHOWN])
    answers = Interaction.objects.filter(project=project).in_bulk([pk for pk, _, _ in found])
    return [Rated(answers[pk], worth, words) for pk, worth, words in found if pk in answers]


@dataclass(frozen=True)
class Agreement:
    """One version of the rubric, asked of one judge model, with approved labels of the same answers."""

    version: int
    model: str
    number: int
    alike: int  # of them judged alike: both good, or both not
    kappa: float | None

    @property
    def is_enough(self) -> bool:
        return self.number >= ENOUGH


def judge_agreement(project: Project) -> list[Agreement]:
    """With the newest LOOKED_AT approved labels, the newest version of the rubric first. Low is what is not good."""
    gold = Approval.objects.filter(project=project, label__verdict__in=[Verdict.GOOD, Verdict.FLAWED]).current()
    good = {
        interaction: verdict == Verdict.GOOD
        for interaction, verdict in gold.order_by("-pk").values_list("interaction", "label__verdict")[:LOOKED_AT]
    }
    judged = Score.objects.filter(metric__project=project, metric__name=JUDGE, interaction__in=good).given()
    judged = judged.annotate(fine=ExpressionWrapper(Q(value__gte=F("metric__threshold")), BooleanField()))
    both: defaultdict[tuple[int, str], list[tuple[bool, bool]]] = defaultdict(list)
    for version, model, fine, interaction in judged.values_list("metric__version", "model", "fine", "interaction"):
        both[version, model].append((fine, good[interaction]))
    return [_agreement(version, model, pairs) for (version, model), pairs in sorted(both.items(), reverse=True)]


def _agreement(version: int, model: str, pairs: list[tuple[bool, bool]]) -> Agreement:
    said, held = zip(*pairs, strict=True)
    return Agreement(version, model, len(pairs), sum(one == two for one, two in pairs), kappa(said, held))
