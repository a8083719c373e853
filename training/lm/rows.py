"""Training rows and test cases as they arrive in a folder. Standard library only."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.lm.files import Refused, read_lines

KINDS = ("correction", "good", "replay", "rehearsal")
ROLES = ("system", "user", "assistant", "tool")
Message = dict[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """One example: the chat so far and the answer to learn. `kind` says where the answer came from."""

    id: str
    kind: str
    prompt: tuple[Message, ...]
    completion: str

    def to_json(self) -> dict[str, Any]:
        return {"id": self.id, "kind": self.kind, "prompt": list(self.prompt), "completion": self.completion}

    def content(self) -> str:
        """Equal for rows that teach the same thing, whatever their ids."""
        return json.dumps([list(self.prompt), self.completion], sort_keys=True)


@dataclass(frozen=True, slots=True)
class Case:
    """One question of an evaluation. Without `gold` only the answer is wanted."""

    id: str
    messages: tuple[Message, ...]
    gold: str | None = None
    rejected: str | None = None


def read_rows(path: Path) -> list[Row]:
    """Raises Refused naming the row that is malformed, empty or there twice."""
    rows = [_row(data) for data in read_lines(path)]
    _refuse_repeated(path, (row.id for row in rows))
    empty = [row.id for row in rows if not row.completion.strip()]
    if empty:
        raise Refused(f"empty completion in {name_ids(empty)}: it would teach the model to say nothing")
    return rows


def read_cases(path: Path) -> list[Case]:
    """Raises Refused naming the case that is malformed or there twice."""
    cases = [_case(data) for data in read_lines(path)]
    _refuse_repeated(path, (case.id for case in cases))
    return cases


def refuse_too_few(rows: list[Row]) -> None:
    """A model cannot learn a difference from one example. Raises Refused."""
    distinct = len({row.content() for row in rows})
    if not rows:
        raise Refused("the dataset has no rows")
    if distinct < 2:
        raise Refused(f"the dataset has {len(rows)} rows but only one distinct example; two are needed")


def name_ids(ids: list[str], limit: int = 12, noun: str = "row") -> str:
    """The ids for a sentence: the first few by name, the rest as a count."""
    more = f" and {len(ids) - limit} more" if len(ids) > limit else ""
    return f"{noun}{'s' if len(ids) > 1 else ''} {', '.join(ids[:limit])}{more}"


def _row(data: dict[str, Any]) -> Row:
    row_id, completion = _id(data), data.get("completion")
    if data.get("kind") not in KINDS:
        raise Refused(f"row {row_id}: kind must be one of {', '.join(KINDS)}, not {data.get('kind')!r}")
    if not isinstance(completion, str):
        raise Refused(f"row {row_id}: completion must be a text")
    return Row(row_id, data["kind"], chat(data.get("prompt"), f"row {row_id}"), completion)


def _case(data: dict[str, Any]) -> Case:
    case_id = _id(data)
    for key in ("gold", "rejected"):
        text = data.get(key)
        if text is not None and not (isinstance(text, str) and text.strip()):
            raise Refused(f"case {case_id}: {key} must be a text or null")
    messages = chat(data.get("messages"), f"case {case_id}")
    return Case(case_id, messages, data.get("gold"), data.get("rejected"))


def chat(messages: object, where: str) -> tuple[Message, ...]:
    """Messages that a template can render and a model can answer. Raises Refused naming `where`."""
    if not isinstance(messages, list) or not messages:
        raise Refused(f"{where}: there must be at least one message")
    for message in messages:
        known = isinstance(message, dict) and message.get("role") in ROLES
        if not known or not isinstance(message.get("content"), str):
            raise Refused(f"{where}: each message needs a role ({', '.join(ROLES)}) and a text as content")
    if messages[-1]["role"] in ("assistant", "system"):
        raise Refused(f"{where}: the last message must be one to answer, not the {messages[-1]['role']}'s")
    return tuple({"role": message["role"], "content": message["content"]} for message in messages)


def _id(data: dict[str, Any]) -> str:
    row_id = data.get("id")
    if not isinstance(row_id, str) or not 1 <= len(row_id) <= 255:
        raise Refused(f"each row needs an id, a text of 1 to 255 characters, not {str(row_id)[:80]!r}")
    return row_id


def _refuse_repeated(path: Path, ids: Iterable[str]) -> None:
    seen: set[str] = set()
    for row_id in ids:
        if row_id in seen:
            raise Refused(f"{path.name}: the id {row_id} is there twice")
        seen.add(row_id)
