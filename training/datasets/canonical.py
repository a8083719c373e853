"""What is hashed, and how: the same content always gives the same 64 letters. Pure."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

from annotations.recall.sameness import normalise
from annotations.review.models import Label
from training.lm.files import to_lines
from training.lm.rows import Row

Message = dict[str, str]


def sha256_of(value: object) -> str:
    """Of a JSON value, whatever the order of its keys."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def as_chat(messages: Sequence[Message]) -> list[Message]:
    """As models are trained on: a developer's message is a system message."""
    return [{**m, "role": "system" if m["role"] == "developer" else m["role"]} for m in messages]


def prompt_sha256(messages: Sequence[Message]) -> str:
    """Equal for conversations that differ only in form, letter case, white space or the system message."""
    return sha256_of([[m["role"], normalise(m["content"])] for m in as_chat(messages) if m["role"] != "system"])


def turns_sha256(messages: Sequence[Message]) -> str:
    """Of what was said before the last message: two short follow-ups are alike only after the same talk."""
    return prompt_sha256(messages[:-1])


def row_sha256(kind: str, messages: Sequence[Message], completion: str) -> str:
    return sha256_of({"kind": kind, "messages": list(messages), "completion": completion})


def dataset_sha256(rows: Iterable[Row]) -> str:
    """Of the very bytes of train.jsonl."""
    return hashlib.sha256(to_lines(row.to_json() for row in rows).encode()).hexdigest()


def label_sha256(label: Label) -> str:
    """Of a judgement's content and its author. Two queries, none if categories and comments are prefetched."""
    return sha256_of(label_content(label))


def label_content(label: Label) -> dict[str, Any]:
    categories = sorted([c.category_id, c.severity] for c in label.categories.all())
    comments = [[c.start, c.end, c.exact, c.text, c.category_id, c.replacement] for c in label.comments.all()]
    return {
        "label": label.pk,
        "task": label.task_id,
        "author": label.author_id,
        "verdict": label.verdict,
        "root_cause": label.root_cause,
        "rewrite": label.rewrite,
        "categories": categories,
        "comments": sorted(comments, key=lambda comment: comment[:2]),
    }
