"""What the desk shows with an answer: by what it is judged, the evidence, what stands in the form. Asks the tables."""

import json
from collections.abc import Sequence
from typing import Any

from django.db.models import Subquery

from annotations.capture.models import Feedback, Interaction
from annotations.review.actions.suggestions import suggested
from annotations.review.diff import word_diff
from annotations.review.models import Claim, Label, Return, ReviewTask, Suggestion
from annotations.review.rewriting import suggestions
from annotations.review.views.shown import LEVELS, choices, draft_notes, facts, marks, signs
from labelhub.people.models import User
from labelhub.projects.models import Guidelines, Project


def guidelines_for(project: Project, user: User) -> dict[str, Any]:
    """Those that hold; and what has changed since `user` last judged here, until they do so by the new ones."""
    mine = Label.objects.filter(author=user, project=project).order_by("-pk").values("guidelines")
    current = Guidelines.objects.filter(project=project).annotate(judged_by=Subquery(mine[:1])).latest("version")
    if current.judged_by in {None, current.pk}:
        return {"guidelines": current}
    before = Guidelines.objects.get(pk=current.judged_by)
    changes = word_diff(before.text, current.text)
    return {"guidelines": current, "guidelines_before": before, "guidelines_diff": changes}


def at_hand(task: ReviewTask, user: User) -> dict[str, Any]:
    """The evidence, which does not change while one works on it."""
    interaction = task.interaction
    feedback = list(interaction.feedback_set.order_by("occurred_at"))
    received = signs(feedback)
    return {
        "task": task, "interaction": interaction, "facts": facts(interaction), "signs": received,
        "wished": [sign.text for sign in reversed(feedback) if sign.kind == Feedback.Kind.REWRITE],
        "reason_said": task.reason in {sign.words for sign in received},
        "asker": (interaction.user_role or "Question").capitalize(),
        "returned": Return.objects.filter(label__task=task, label__author=user).select_related("by").last(),
        "levels": LEVELS, "root_causes": Label.RootCause.choices, "confidences": Label.Confidence.choices,
    }  # fmt: skip


def sides(held: Claim) -> list[dict[str, str]]:
    """The two answers of a pair in the order of the lot; [] for a task with one answer."""
    task = held.task
    if task.candidate is None:
        return []
    texts = [task.interaction.output, task.candidate.text]
    first, second = reversed(texts) if held.swapped else texts
    return [{"name": "A", "text": first}, {"name": "B", "text": second}]


def wishes(interaction: Interaction) -> list[str]:
    """What end users wrote instead, the newest first."""
    rewrites = interaction.feedback_set.filter(kind=Feedback.Kind.REWRITE).order_by("-occurred_at")
    return list(rewrites.values_list("text", flat=True))


def pre_labels(task: ReviewTask) -> dict[str, Any]:
    """What is suggested, where the queue suggests: a task keeps its suggestions when it does no longer."""
    found = suggested(task) if task.queue.suggests else []
    good = next((one.confidence for one in found if one.category is None), None)
    return {"pre_labels": found, "likely_good": good, "cases": max((one.cases for one in found), default=0)}


def typed(
    task: ReviewTask, content: dict[str, Any], wished: list[str], pre_labels: Sequence[Suggestion] = ()
) -> dict[str, Any]:
    """What stands in the form, and what follows from it: marks, notes, diffs."""
    output, categories = task.interaction.output, list(task.project.taxonomy.category_set.all())
    notes, rewrite = draft_notes(content.get("comments"), categories, output), str(content.get("rewrite") or "")
    return {
        "content": {name: value for name, value in content.items() if value is not None},
        "choices": choices(categories, content, pre_labels), "notes": notes, "marks": marks(output, notes),
        "comments_json": json.dumps(content.get("comments") or []),
        "diff": word_diff(output, rewrite) if rewrite else [],
        "replacing": any(note.replacement is not None for note in notes),
        "suggestions": suggestions(wished, output, rewrite),
    }  # fmt: skip
