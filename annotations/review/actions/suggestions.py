"""Suggesting what decided cases make likely, and keeping what became of it."""

from dataclasses import dataclass

from django.db.models import Count, Q

from annotations.review.models import Label, Queue, ReviewTask, Suggestion, SuggestionOutcome
from annotations.review.prelabels import GOOD, VOTERS, guesses
from annotations.review.ranking import said_by
from annotations.review.similar import similar


def suggest(task: ReviewTask) -> None:
    """Once, when it is first served; nothing for what is judged without a look at others. `task` is locked."""
    if task.calibration or task.candidate_id or Suggestion.objects.filter(task=task).exists():
        return
    found = guesses((said_by(one.approval.label), one.similarity) for one in similar(task, most=VOTERS))
    known = {category.slug: category for category in task.project.taxonomy.category_set.all()} if found else {}
    Suggestion.objects.bulk_create(
        Suggestion(task=task, category=known.get(one.category), confidence=one.confidence, cases=one.cases)
        for one in found if one.category == GOOD or one.category in known
    )  # fmt: skip


def suggested(task: ReviewTask) -> list[Suggestion]:
    """What is shown to who judges, the surest first."""
    return list(Suggestion.objects.filter(task=task).select_related("category").order_by("-confidence", "pk"))


def keep_outcomes(label: Label) -> None:
    """Which suggestions a new label takes and which it overrules."""
    SuggestionOutcome.objects.bulk_create(
        SuggestionOutcome(suggestion=one, label=label, taken=one.is_in(label)) for one in suggested(label.task)
    )


@dataclass(frozen=True)
class Accuracy:
    """Of `number` suggestions `taken` were; of those whose label somebody approved (`approved`) `right` were taken."""

    number: int
    taken: int
    approved: int
    right: int


def accuracy(queue: Queue) -> Accuracy:
    outcomes = SuggestionOutcome.objects.standing(queue).with_gold()
    counts = {"all": Q(), "took": Q(taken=True), "decided": Q(approved=True), "right": Q(taken=True, approved=True)}
    found = outcomes.aggregate(**{name: Count("pk", filter=only) for name, only in counts.items()})
    return Accuracy(found["all"], found["took"], found["decided"], found["right"])
