"""What review sends and takes over HTTP."""

from typing import Any

from annotations.review.actions.bulk import MOST
from annotations.review.actions.labels import as_payload
from annotations.review.actions.queues import CALIBRATION_EVERY, LEASE_MINUTES, OVERLAP
from annotations.review.actions.suggestions import suggested
from annotations.review.agreement import Agreement, Reviewer
from annotations.review.models import (
    CalibrationResult,
    Candidate,
    Claim,
    Ground,
    Label,
    Queue,
    ReviewTask,
    SpanComment,
    Suggestion,
)

ANYTHING = {"type": "object", "additionalProperties": True}
TEXT, TEXTS = {"type": "string"}, {"type": "array", "items": {"type": "string"}}
QUEUE = {
    "type": "object",
    "required": ["slug"],
    "properties": {
        "slug": {"type": "string", "maxLength": 60},
        "name": {"type": "string", "maxLength": 120},
        "mode": {"type": "string", "enum": Queue.Mode.values, "default": Queue.Mode.CORRECTION},
        "instructions": TEXT,
        "overlap": {"type": "integer", "minimum": OVERLAP[0], "maximum": OVERLAP[1], "default": 1},
        "lease_minutes": {"type": "integer", "minimum": LEASE_MINUTES[0], "maximum": LEASE_MINUTES[1], "default": 15},
        "order": {"type": "string", "enum": Queue.Order.values, "default": Queue.Order.PRIORITY},
        "assignment": {"type": "string", "enum": Queue.Assignment.values, "default": Queue.Assignment.PULL},
        "random_tenth": {"type": "boolean", "default": True, "description": "Draw one in ten at random, marked."},
        "calibration_every": {
            "type": "integer",
            "minimum": CALIBRATION_EVERY[0],
            "maximum": CALIBRATION_EVERY[1],
            "default": 20,
        },
        "calibration_feedback": {"type": "boolean", "default": True},
        "suggests": {"type": "boolean", "default": False, "description": "Show what decided cases make likely."},
        "approve_which": {"type": "string", "enum": Queue.Which.values, "default": Queue.Which.EVERY},
        "approve_share": {"type": "number", "minimum": 0, "maximum": 1, "default": 0.1},
        "approve_twice": {"type": "string", "enum": Queue.Twice.values, "default": Queue.Twice.NEVER},
        "threads_block": {"type": "boolean", "default": False},
        "reviewers": {**TEXTS, "description": "E-mail addresses of members; empty: every expert."},
    },
}
PAIRS = {
    "type": "object",
    "required": ["pairs"],
    "properties": {
        "reason": {"type": "string", "maxLength": 300},
        "pairs": {"type": "array", "minItems": 1, "maxItems": 1000, "items": {
            "type": "object", "required": ["interaction", "text"], "properties": {
                "interaction": {**TEXT, "description": "The external id of the interaction whose output is answer a."},
                "text": {**TEXT, "description": "Answer b: what could have been said instead."},
                "version": {"type": "string", "maxLength": 200},
                "origin": {"type": "string", "enum": Candidate.Origin.values, "default": Candidate.Origin.MODEL}}}},
    },
}  # fmt: skip
ASSIGNMENT = {
    "type": "object",
    "required": ["tasks", "to"],
    "properties": {
        "tasks": {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 1000},
        "to": {**TEXTS, "description": "E-mail addresses of people who judge in the queue; empty: everybody."},
    },
}
JUDGEMENT = {
    "type": "object",
    "required": ["fence", "verdict"],
    "properties": {
        "fence": {"type": "integer"},
        "verdict": {"type": "string", "enum": Label.Verdict.values},
        "categories": {"type": "array", "items": {"type": "object", "properties": {
            "category": TEXT, "severity": {"type": "integer", "minimum": 1, "maximum": 3}}}},
        "root_cause": {"type": "string", "enum": ["", *Label.RootCause.values]},
        "rewrite": TEXT,
        "confidence": {"type": "string", "enum": ["", *Label.Confidence.values]},
        "note": TEXT,
        "active_seconds": {"type": "number"},
        "comments": {"type": "array", "items": {"type": "object", "properties": {
            "start": {"type": "integer"}, "end": {"type": "integer"}, "exact": TEXT, "text": TEXT,
            "category": {"type": ["string", "null"]}, "replacement": {"type": ["string", "null"]}}}},
    },
}  # fmt: skip
BULK = {
    "type": "object",
    "required": ["tasks", "judgement"],
    "properties": {
        "tasks": {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": MOST},
        "judgement": {**JUDGEMENT, "required": ["verdict"]},
    },
}
REVISION = {**JUDGEMENT, "required": ["verdict"]}
GROUND = {"type": "string", "enum": ["", *Ground.values], "description": "Needed where two people approve."}
APPROVAL = {"type": "object", "properties": {"note": TEXT, "ground": GROUND}}
ADJUDICATION = {
    "type": "object",
    "required": ["reason"],
    "properties": {"label": {"type": "integer"}, "judgement": REVISION, "reason": TEXT, "ground": GROUND},
}


def queue_body(queue: Queue) -> dict[str, Any]:
    return {
        "slug": queue.slug, "name": queue.name, "mode": queue.mode, "instructions": queue.instructions,
        "overlap": queue.overlap, "lease_minutes": queue.lease_minutes, "order": queue.order,
        "assignment": queue.assignment, "random_tenth": queue.random_tenth,
        "calibration_every": queue.calibration_every, "calibration_feedback": queue.calibration_feedback,
        "suggests": queue.suggests, "approve_which": queue.approve_which, "approve_share": queue.approve_share,
        "approve_twice": queue.approve_twice, "threads_block": queue.threads_block,
        "reviewers": [user.email for user in queue.reviewers.order_by("email")],
    }  # fmt: skip


def task_body(claim: Claim) -> dict[str, Any]:
    """What a reviewer needs of a claimed task; of a pair the two answers in the order of the lot."""
    task = ReviewTask.objects.select_related("interaction__session", "project", "queue", "candidate").get(
        pk=claim.task_id
    )
    row = task.interaction
    answers = _answers(row.output, task.candidate.text, claim.swapped) if task.candidate else []
    shown = {} if answers else {"output": row.output, "model_version": row.model_version}
    return {
        "task": task.pk, "fence": claim.fence, "leased_until": claim.leased_until, "reason": task.reason,
        "interaction": {
            "id": row.pk, "external_id": row.external_id, "session": row.session.external_id, "messages": row.messages,
            "documents": row.documents, **shown,
        },
        "answers": answers,
        "categories": [vars(entry) for entry in task.project.taxonomy.entries],
        "suggestions": [suggestion_body(one) for one in (suggested(task) if task.queue.suggests else [])],
    }  # fmt: skip


def _answers(output: str, other: str, swapped: bool) -> list[dict[str, str]]:
    found = [{"is": "a", "text": output}, {"is": "b", "text": other}]
    return found[::-1] if swapped else found


def suggestion_body(one: Suggestion) -> dict[str, Any]:
    """A category by its slug, or null: nothing is wrong."""
    category = one.category.slug if one.category else None
    return {"category": category, "confidence": one.confidence, "source": one.source, "cases": one.cases}


def label_body(label: Label, *, threads: bool = False) -> dict[str, Any]:
    interaction = label.task.interaction
    return {
        "id": label.pk, "task": label.task_id, "revises": label.revises_id, "author": str(label.author),
        "created_at": label.created_at,
        "interaction": {
            "id": interaction.pk, "external_id": interaction.external_id, "prompt": interaction.prompt,
            "output": interaction.output,
        },
        **as_payload(label), **_candidate_body(label),
        **({"threads": [_thread_body(comment) for comment in label.comments.all()]} if threads else {}),
    }  # fmt: skip


def _candidate_body(label: Label) -> dict[str, Any]:
    """Of a pair the other answer, {} where there is none."""
    other = label.task.candidate
    if other is None:
        return {}
    told = {"text": other.text, "version": other.version, "origin": other.origin}
    return {"candidate": told, "swapped": label.swapped}


def calibration_body(result: CalibrationResult | None) -> dict[str, Any]:
    """What the author of a label of a calibration item is told, {} for any other label."""
    if result is None:
        return {}
    return {"calibration": {"agreement": result.agreement, "gold": as_payload(result.gold.label)}}


def agreement_body(mine: Agreement, everybody: list[Reviewer]) -> dict[str, Any]:
    categories = [{"category": one.category.slug, "either": one.number, "both": one.both} for one in mine.categories]
    people = [
        {"who": one.user.email, "peers": vars(one.peers), "calibration": vars(one.calibration)} for one in everybody
    ]
    return {
        "peers": vars(mine.peers), "calibration": vars(mine.calibration), "categories": categories,
        "differences": [{"mine": one.mine.pk, "task": one.mine.task_id} for one in mine.differences], "people": people,
    }  # fmt: skip


def _thread_body(comment: SpanComment) -> dict[str, Any]:
    """Of the comment at the same place in `comments`."""
    return {
        "comment": comment.pk, "resolved": hasattr(comment, "resolution"),
        "replies": [{"by": str(one.by), "at": one.at, "text": one.text} for one in comment.replies.all()],
    }  # fmt: skip
