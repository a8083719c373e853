"""What comes in and goes out of a request besides chat: JSON bodies within limits, vectors in two formats."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable
from typing import Any

from starlette.requests import Request

from training.lm.serve.errors import ApiError

MOST_BODY, MOST_TEXTS = 5 << 20, 2048


async def read_body(request: Request) -> dict[str, Any]:
    """The JSON object that was sent. The content type is asked for because no web page can send it unasked."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise ApiError(415, "Send JSON as application/json.", "unsupported_media_type")
    parts, size = [], 0
    async for part in request.stream():
        parts.append(part)
        size += len(part)
        if size > MOST_BODY:
            raise ApiError(413, f"The body is larger than {MOST_BODY >> 20} MiB.", "too_large")
    try:
        data = json.loads(b"".join(parts))
    except (ValueError, RecursionError):
        raise ApiError(400, "The body is not valid JSON.") from None
    if not isinstance(data, dict):
        raise ApiError(400, "The body must be a JSON object.")
    return data


def read_texts(given: object) -> list[str]:
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not 1 <= len(texts) <= MOST_TEXTS:
        raise ApiError(400, f"input must be a text or a list of 1 to {MOST_TEXTS} texts.", param="input")
    if not all(isinstance(text, str) for text in texts):
        raise ApiError(400, "input must be texts; token ids are not supported.", "unsupported", "input")
    return [text.encode("utf-8", "replace").decode() for text in texts]


def _floats(vector: bytes) -> list[float]:
    return list(struct.unpack(f"<{len(vector) // 4}f", vector))


def _base64(vector: bytes) -> str:
    return base64.b64encode(vector).decode()


PACKED: dict[str, Callable[[bytes], list[float] | str]] = {"float": _floats, "base64": _base64}
