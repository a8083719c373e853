"""Tasks of which people said different things, and what each of them said."""

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, QuerySet

from annotations.review.diff import Piece, word_diff
from annotations.review.models import Label, ReviewTask
from labelhub.people.models import User
from labelhub.projects.models import Project


@dataclass(frozen=True)
class Answer:
    """What one person said. `changes`: to the output; `differs`: from the first of the answers that people wrote."""

    label: Label
    number: int
    waits: bool
    changes: list[Piece]
    differs: list[Piece]

    @property
    def key(self) -> str:
        return f"answer-{self.number}" if self.number < 10 else ""


def disputed(project: Project, user: User) -> QuerySet[ReviewTask]:
    """Judged by all who should, differently, and not by `user`: the oldest first."""
    waiting = Label.objects.waiting().filter(task=OuterRef("pk"))
    tasks = ReviewTask.objects.filter(project=project, state=ReviewTask.State.SUBMITTED, calibration=False)
    found = tasks.filter(Exists(waiting.contested())).exclude(Exists(waiting.filter(author=user)))
    return found.select_related("interaction", "queue").order_by("pk")


def answers(task: ReviewTask) -> list[Answer]:
    """What stands of a task, in the order in which it was said; what was overruled is left out."""
    rows = Label.objects.standing().filter(task=task, overruling=None).with_evidence().select_related("approval")
    labels = list(rows.order_by("pk"))
    waiting = set(Label.objects.waiting().filter(task=task).values_list("pk", flat=True))
    first = next((label.rewrite for label in labels if label.rewrite), "")
    output = task.interaction.output
    return [
        Answer(
            label, number, label.pk in waiting, word_diff(output, label.rewrite) if label.rewrite else [],
            word_diff(first, label.rewrite) if label.rewrite not in {"", first} else [],
        )
        for number, label in enumerate(labels, start=1)
    ]  # fmt: skip
