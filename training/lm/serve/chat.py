"""OpenAI's chat completions: what is asked, and how it is answered. Knows no server and no model."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from training.lm.files import Refused
from training.lm.rows import Message, chat
from training.lm.serve.engine import Token
from training.lm.serve.errors import ApiError

UNSERVED = ("tools", "functions", "audio", "modalities", "prediction", "web_search_options")


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """`max_tokens` None: as many as there is room for. `top_logprobs` None: no log-probabilities wanted."""

    model: str
    messages: tuple[Message, ...]
    max_tokens: int | None
    temperature: float
    top_p: float
    seed: int | None
    stops: tuple[str, ...]
    top_logprobs: int | None
    stream: bool
    stream_usage: bool


def parse_chat(data: dict[str, Any]) -> ChatRequest:
    """Raises ApiError 400 for what is malformed, and for what would change the answer but is not served."""
    for name in UNSERVED:
        if data.get(name):
            raise ApiError(400, f"{name} is not supported by this server.", "unsupported", name)
    if data.get("n") not in (None, 1):
        raise ApiError(400, "Only n = 1 is supported.", "unsupported", "n")
    if (data.get("response_format") or {"type": "text"}) != {"type": "text"}:
        raise ApiError(400, "Only plain text answers are supported.", "unsupported", "response_format")
    options = data.get("stream_options") or {}
    return ChatRequest(
        model=_typed(data, "model", str, ""),
        messages=_messages(data.get("messages")),
        max_tokens=_whole(data, "max_completion_tokens", 1) or _whole(data, "max_tokens", 1),
        temperature=_number(data, "temperature", 0.0, 2.0, default=0.0),
        top_p=_number(data, "top_p", 0.0, 1.0, default=1.0),
        seed=_whole(data, "seed", -(2**63)),
        stops=_stops(data.get("stop")),
        top_logprobs=(_whole(data, "top_logprobs", 0, 20) or 0) if data.get("logprobs") else None,
        stream=_typed(data, "stream", bool, False),
        stream_usage=isinstance(options, dict) and bool(options.get("include_usage")),
    )


def _messages(messages: object) -> tuple[Message, ...]:
    flat = [_flat(message) for message in messages] if isinstance(messages, list) else messages
    try:
        return chat(flat, "messages")
    except Refused as error:
        raise ApiError(400, str(error), param="messages") from None


def _flat(message: object) -> object:
    """A message whose content is a list of text parts, as one with a text."""
    if not isinstance(message, dict) or not isinstance(message.get("content"), list):
        return message
    parts = message["content"]
    if not all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in parts):
        raise ApiError(400, "Only text parts are supported in a message.", "unsupported", "messages")
    return {**message, "content": "".join(part["text"] for part in parts)}


def _stops(stop: object) -> tuple[str, ...]:
    stops = [stop] if isinstance(stop, str) else stop or []
    if not isinstance(stops, list) or len(stops) > 4 or not all(isinstance(s, str) and s for s in stops):
        raise ApiError(400, "stop must be a text or up to 4 texts.", param="stop")
    return tuple(stops)


def _typed(data: dict[str, Any], name: str, kind: type, default: Any) -> Any:
    value = data.get(name)
    if value is not None and not isinstance(value, kind):
        raise ApiError(400, f"{name} must be a {kind.__name__}.", param=name)
    return default if value is None else value


def _number(data: dict[str, Any], name: str, low: float, high: float, *, default: float) -> float:
    value = data.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ApiError(400, f"{name} must be a number from {low:g} to {high:g}.", param=name)
    return float(value)


def _whole(data: dict[str, Any], name: str, low: int, high: int = 2**63 - 1) -> int | None:
    value = data.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ApiError(400, f"{name} must be a whole number of at least {low}.", param=name)
    return value


@dataclass(slots=True)
class Reply:
    """The answer to one request while it grows, in OpenAI's shapes."""

    model: str
    prompt_tokens: int
    decode: Callable[[list[int]], str]
    with_logprobs: bool
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))
    completion_tokens: int = 0

    def whole(self, text: str, tokens: Sequence[Token], finish: str) -> dict[str, Any]:
        message = {"role": "assistant", "content": text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": self._logprobs(tokens), "finish_reason": finish}
        return {**self._head("chat.completion"), "choices": [choice], "usage": self.usage()}

    def chunk(self, delta: dict[str, str], tokens: Sequence[Token] = (), finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": self._logprobs(tokens), "finish_reason": finish}
        return {**self._head("chat.completion.chunk"), "choices": [choice]}

    def usage_chunk(self) -> dict[str, Any]:
        return {**self._head("chat.completion.chunk"), "choices": [], "usage": self.usage()}

    def usage(self) -> dict[str, int]:
        made = self.completion_tokens
        total = self.prompt_tokens + made
        return {"prompt_tokens": self.prompt_tokens, "completion_tokens": made, "total_tokens": total}

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}

    def _logprobs(self, tokens: Sequence[Token]) -> dict[str, Any] | None:
        if not self.with_logprobs or not tokens:
            return None
        content = [
            {
                **self._token(token.id, token.logprob),
                "top_logprobs": [self._token(*alternative) for alternative in token.alternatives],
            }
            for token in tokens
        ]
        return {"content": content, "refusal": None}

    def _token(self, token: int, logprob: float) -> dict[str, Any]:
        text = self.decode([token])
        return {"token": text, "logprob": logprob, "bytes": list(text.encode())}
