"""Defining metrics, and keeping the scores that are given by them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from annotations.capture.actions.ingest import Outcome
from annotations.capture.fields import checked
from annotations.capture.heuristics import groundedness
from annotations.capture.models import Interaction, Metric, Score
from annotations.capture.scoring import DERIVED, GROUNDEDNESS, JUDGE, MOST_RUBRIC, SCORE
from labelhub.body import stored_text
from labelhub.errors import Invalid, StaleState, ensure
from labelhub.people.models import User
from labelhub.projects.actions import ensure_right
from labelhub.projects.models import Project
from labelhub.projects.rights import Right

Key = tuple[int, int, int | None]  # what a score is given once for: metric, interaction, person


@dataclass(frozen=True)
class Definition:
    """What somebody may say of a metric. `threshold`: below it a number counts as low; `share`: of the judge model."""

    name: str
    source: str
    description: str
    kind: str = Metric.Kind.NUMBER
    threshold: float | None = None
    share: float = 0


@transaction.atomic
def save_metric(project: Project, new: Definition, *, after: int, by: User) -> Metric:
    """The next version of a metric, or the first (`after` 0). Scores stay pinned to the version that they came by.

    Raises NotAllowed, Invalid, StaleState when `after` is not the newest version any more.
    """
    ensure_right(by, project, Right.CURATE)
    Project.objects.select_for_update().get(pk=project.pk)  # of two who save at once the second sees the first's
    now = Metric.objects.filter(project=project, name=new.name).current().first()
    told = StaleState(f"{now or new.name} was saved meanwhile: look at it, and put in what is missing.")
    ensure((now.version if now else 0) == after, told)
    _ensure_fits(new, now)
    return Metric.objects.create(project=project, version=after + 1, by=by, **vars(new))


def _ensure_fits(new: Definition, now: Metric | None) -> None:
    """Raises Invalid."""
    ensure(new.name.strip() == new.name != "", Invalid("name must be text without blanks around it.", field="name"))
    ours = new.name in {*DERIVED, GROUNDEDNESS} or (new.name == JUDGE and new.source != Metric.Source.JUDGE)
    ensure(not ours, Invalid(f"{new.name} is given by LabelHub itself: choose another name.", field="name"))
    ensure(new.description.strip(), Invalid("Say what is measured, and how.", field="description"))
    fits = len(new.description) <= MOST_RUBRIC
    ensure(fits, Invalid(f"description must be text of at most {MOST_RUBRIC:,} characters.", field="description"))
    ensure(0 <= new.share <= 1, Invalid("share must lie between 0 and 1.", field="share"))
    if new.name == JUDGE:
        within = new.kind == Metric.Kind.NUMBER and new.threshold is not None and 0 <= new.threshold <= 1
        ensure(within, Invalid("The judge model gives numbers: threshold must lie between 0 and 1.", field="threshold"))
    same = now is None or (now.source, now.kind) == (new.source, new.kind)
    ensure(same, Invalid("A metric keeps its source and its kind: give another one a name of its own.", field="kind"))


@dataclass(frozen=True)
class Sent:
    """One score as it was sent."""

    interaction: str
    metric: str
    value: float | None
    label: str
    note: str


def ingest_scores(project: Project, items: list[Any], *, by: User | None = None) -> list[Outcome]:
    """Store what is valid; an outcome per item, in order, named by its interaction.

    Sent again, a score is replayed; another one of the same metric for the same interaction is a conflict.
    """
    parsed = [_parse(item) for item in items]
    sent = [one for one in parsed if isinstance(one, Sent)]
    current = Metric.objects.filter(project=project, name__in={one.metric for one in sent}).current()
    metrics = {metric.name: metric for metric in current}
    named = Interaction.objects.filter(project=project, external_id__in={one.interaction for one in sent})
    answers = {row.external_id: row for row in named.only("external_id")}
    fitted = [
        one if isinstance(one, Outcome) else _fit(one, metrics.get(one.metric), answers.get(one.interaction), by)
        for one in parsed
    ]
    new = {_key(one): one for one in reversed(fitted) if isinstance(one, Score)}
    with transaction.atomic():
        before = _stored(new)
        fresh = sorted(new.keys() - before, key=lambda key: key[:2])  # in one order, whoever sends
        Score.objects.bulk_create([new[key] for key in fresh], ignore_conflicts=True)
        stored = before | _stored(fresh)
    return _outcomes(fitted, stored, set(before))


def _parse(item: Any) -> Sent | Outcome:
    try:
        item = checked(item, SCORE)
    except Invalid as refusal:
        sent = item.get("interaction") if isinstance(item, dict) else None
        return Outcome("invalid", stored_text(sent[:255])[0] if isinstance(sent, str) else None, error=refusal.detail)
    text = {name: stored_text(item.get(name) or "")[0] for name in ("interaction", "metric", "label", "note")}
    return Sent(value=item.get("value"), **text)


def _fit(sent: Sent, metric: Metric | None, interaction: Interaction | None, by: User | None) -> Score | Outcome:
    if metric is None:
        return Outcome("invalid", sent.interaction, error=f"There is no metric {sent.metric!r}: PUT /api/v1/metrics/.")
    if metric.name in {JUDGE, GROUNDEDNESS}:
        return Outcome("invalid", sent.interaction, error=f"LabelHub gives {metric.name} itself.")
    if interaction is None:
        return Outcome("unknown", sent.interaction, error="There is no such interaction yet: send the score after it.")
    if metric.kind == Metric.Kind.NUMBER and (sent.value is None or sent.label):
        return Outcome("invalid", sent.interaction, error=f"{metric.name} is a number: send value.")
    if metric.kind == Metric.Kind.CLASS and (sent.value is not None or not sent.label.strip()):
        return Outcome("invalid", sent.interaction, error=f"{metric.name} is a class: send label.")
    return Score(
        project_id=metric.project_id, interaction=interaction, metric=metric, value=sent.value, label=sent.label,
        note=sent.note, by=by if metric.source == Metric.Source.PERSON else None,
    )  # fmt: skip


def _outcomes(fitted: Iterable[Score | Outcome], stored: Mapping[Key, Score], seen: set[Key]) -> list[Outcome]:
    outcomes = []
    for one in fitted:
        if isinstance(one, Score):
            outcomes.append(_outcome(one, stored[_key(one)], _key(one) in seen))
            seen.add(_key(one))
        else:
            outcomes.append(one)
    return outcomes


def _outcome(sent: Score, stored: Score, seen: bool) -> Outcome:
    about = sent.interaction.external_id
    if (stored.value, stored.label, stored.note) != (sent.value, sent.label, sent.note):
        error = "Another score of this metric was sent before. What was stored first stays."
        return Outcome("conflict", about, stored.pk, error)
    return Outcome("replayed" if seen else "created", about, stored.pk)


def _key(score: Score) -> Key:
    return score.metric_id, score.interaction_id, score.by_id


def _stored(keys: Collection[Key]) -> dict[Key, Score]:
    """Those that are in the database now."""
    metrics, answers = {metric for metric, _, _ in keys}, {answer for _, answer, _ in keys}
    rows = Score.objects.filter(metric__in=metrics, interaction__in=answers)
    return {_key(row): row for row in rows if _key(row) in keys}


def measure(project: Project, rows: Sequence[Interaction]) -> None:
    """Give `rows` the scores that their own texts tell, once."""
    found = [(row, groundedness(row)) for row in rows]
    if all(value is None for _, value in found):
        return
    words = "The share of an answer’s numbers that a retrieved document, or what was said before, has."
    defaults = {"source": Metric.Source.HEURISTIC, "description": words, "threshold": 1.0}
    metric, _ = Metric.objects.get_or_create(project=project, name=GROUNDEDNESS, version=1, defaults=defaults)
    Score.objects.bulk_create(
        (
            Score(project=project, interaction=row, metric=metric, value=value)
            for row, value in found if value is not None
        ),
        ignore_conflicts=True,
    )  # fmt: skip
