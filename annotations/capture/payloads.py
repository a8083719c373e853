"""An interaction or a sign of feedback as it is sent in, turned into the row that is stored. Pure."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from annotations.capture.fields import (
    MIB,
    Field,
    checked,
    choice,
    free_object,
    free_objects,
    json_schema,
    logprobs,
    messages,
    moment,
    number,
    read_moment,
    text,
)
from annotations.capture.models import Feedback
from labelhub.body import is_storable, stored_text, stored_value
from labelhub.errors import Invalid, ensure

INTERACTION: dict[str, Field] = {
    "external_id": text(255, required=True, description="Yours; unique in the project. Sending it again is safe."),
    "session": text(255, description="Your id of the conversation; left out: the interaction stands alone."),
    "messages": messages(),
    "output": Field({"type": "string", "maxLength": MIB}, text(MIB).check, required=True),
    "occurred_at": moment(),
    "documents": free_objects("a list of retrieved documents, each an object"),
    "model_version": text(120),
    "prompt_version": text(120),
    "environment": text(40),
    "user_role": text(40),
    "confidence": number(0, 1),
    "token_logprobs": logprobs(),
    "duration_ms": number(0, 1e9),
    "metadata": free_object(),
}
FEEDBACK: dict[str, Field] = {
    "external_id": text(255, required=True),
    "interaction": text(255, description="external_id of the interaction; it may arrive later."),
    "session": text(255, description="external_id of the session, when no single interaction is meant."),
    "kind": choice([str(value) for value in Feedback.Kind.values], required=True),
    "value": number(-1e9, 1e9, "thumb: 1 or -1; rating: 1 to 5; dwell: seconds."),
    "text": text(MIB),
    "end_user": text(255),
    "occurred_at": moment(),
}
THUMB = Field({"enum": [1, -1]}, lambda value: "" if value in (1, -1) else "1 or -1", required=True)
WORDS = Field({"type": "string", "pattern": r"\S"}, lambda value: "" if value.strip() else "words", required=True)
# What a kind asks of one more field: {kind: (field, what it must be)}.
KINDS: dict[str, tuple[str, Field]] = {
    Feedback.Kind.THUMB: ("value", THUMB),
    Feedback.Kind.RATING: ("value", number(1, 5)),
    Feedback.Kind.DWELL: ("value", number(0, 1e9)),
    Feedback.Kind.COMMENT: ("text", WORDS),
    Feedback.Kind.REWRITE: ("text", WORDS),
    Feedback.Kind.CATEGORY: ("text", WORDS),
}
ODD_AFTER = timedelta(days=1)
ODD_BEFORE = timedelta(days=365)


def canonical(item: Any) -> str:
    """The item's JSON in ASCII with its keys sorted: the same for the same content, however it was written."""
    return json.dumps(item, sort_keys=True, ensure_ascii=True)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class InteractionRow:
    external_id: str
    session: str
    body_sha256: str
    occurred_at: datetime
    columns: dict[str, Any]
    raw: dict[str, Any] = field(default_factory=dict)


def interaction_row(item: Any, now: datetime) -> InteractionRow:
    """Raises Invalid with the field and what is expected. What was escaped is kept as it came, as its JSON in ASCII."""
    item = checked(item, INTERACTION)
    _ensure_short_texts(item)
    text_ = canonical(item)
    values = {key: value for key, value in item.items() if value is not None}
    values, escaped = (values, False) if is_storable(text_) else stored_value(values)
    occurred_at, odd = occurred(values.get("occurred_at"), now)
    system, turns, prompt = _split(values["messages"])
    logs = values.get("token_logprobs") or []
    columns = {
        "system_context": system, "turns": turns, "prompt": prompt, "output": values["output"],
        "documents": values.get("documents", []), "model_version": values.get("model_version", ""),
        "prompt_version": values.get("prompt_version", ""), "environment": values.get("environment", ""),
        "user_role": values.get("user_role", ""), "confidence": values.get("confidence"),
        "mean_logprob": sum(logs) / len(logs) if logs else None, "duration_ms": values.get("duration_ms"),
        "metadata": values.get("metadata", {}), "text_escaped": escaped, "clock_odd": odd,
    }  # fmt: skip
    external_id = values["external_id"]
    raw = {"token_logprobs": logs} if logs else {}
    if escaped:
        raw["as_sent"] = text_
    session = values.get("session") or external_id
    return InteractionRow(external_id, session, sha256(text_), occurred_at, columns, raw)


def _split(items: list[dict[str, str]]) -> tuple[str, list[dict[str, str]], str]:
    """System context, earlier turns, the last user message."""
    system = "\n".join(m["content"] for m in items[:-1] if m["role"] in {"system", "developer"})
    turns = [
        {"role": m["role"], "content": m["content"]} for m in items[:-1] if m["role"] not in {"system", "developer"}
    ]
    return system, turns, items[-1]["content"]


def occurred(value: str | None, now: datetime) -> tuple[datetime, bool]:
    """When it happened, and whether that is odd: mended, in the future, or more than a year ago."""
    if value is None:
        return now, False
    moment_, mended = read_moment(value)
    try:
        utc = moment_.astimezone(UTC)
    except OverflowError:
        return now, True
    return utc, mended or utc > now + ODD_AFTER or utc < now - ODD_BEFORE


@dataclass
class FeedbackRow:
    external_id: str
    interaction: str
    session: str
    body_sha256: str
    columns: dict[str, Any]


def feedback_row(item: Any, now: datetime) -> FeedbackRow:
    """Raises Invalid with the field and what is expected."""
    item = checked(item, FEEDBACK)
    about, session = item.get("interaction") or "", item.get("session") or ""
    ensure(about or session, Invalid("Say what it is about: interaction or session.", field="interaction"))
    _ensure_fits_kind(item)
    occurred_at, _ = occurred(item.get("occurred_at"), now)
    columns = {
        "kind": item["kind"], "value": item.get("value"), "text": stored_text(item.get("text") or "")[0],
        "end_user": stored_text(item.get("end_user") or "")[0], "occurred_at": occurred_at,
    }  # fmt: skip
    ids = [stored_text(value)[0] for value in (item["external_id"], about, session)]
    return FeedbackRow(ids[0], ids[1], ids[2], sha256(canonical(item)), columns)


def _ensure_fits_kind(item: dict[str, Any]) -> None:
    name, field_ = KINDS.get(item["kind"], ("", None))
    if field_ is not None:
        value = item.get(name)
        expected = "given" if value is None else field_.check(value)
        ensure(not expected, Invalid(f"The {name} of a {item['kind']} must be {expected}.", field=name))


def feedback_schema() -> dict[str, Any]:
    """Of FEEDBACK, with what depends on the kind, and that it must be about something."""
    of_kinds = [
        {
            "if": {"properties": {"kind": {"const": str(kind)}}},
            "then": {"required": [name], "properties": {name: field_.schema}},
        }
        for kind, (name, field_) in KINDS.items()
    ]
    about = [
        {"required": [name], "properties": {name: {"type": "string", "minLength": 1}}}
        for name in ("interaction", "session")
    ]
    return {**json_schema(FEEDBACK), "allOf": [{"anyOf": about}, *of_kinds]}


def _ensure_short_texts(item: dict[str, Any]) -> None:
    """No text inside of what is free in form is longer than a named one may be. Cheap, before anything dear is done."""
    left = [value for name, value in item.items() if name != "token_logprobs"]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            left += value
            left += value.values()
        elif isinstance(value, list):
            left += value
        elif isinstance(value, str) and len(value) > MIB:
            raise Invalid(f"A text may have at most {MIB} characters.")
