"""Models by URL: an OpenAI-compatible server for chat and embeddings. No model is ever loaded in this process."""

import base64
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import numpy as np
from django.conf import settings

from labelhub.errors import Unavailable, ensure

TIMEOUT, JUDGE_TIMEOUT = httpx.Timeout(30.0, connect=2.0), httpx.Timeout(12.0, connect=2.0)
Timeout = float | httpx.Timeout | None
DIMENSIONS = 384
# An encoder reads a few hundred tokens of a text and its server takes bodies of 5 MiB. So it is sent no more of a text
# than that may take, and so many at once: 3 MB where every character is escaped.
READ, AT_ONCE = 8_000, 64
_lock = threading.Lock()
_clients: dict[str, httpx.Client] = {}
os.register_at_fork(after_in_child=_clients.clear)  # two processes on one connection would read each other's answers


def _client(url: str) -> httpx.Client:
    with _lock:
        if url not in _clients:
            _clients[url] = httpx.Client(base_url=url, timeout=TIMEOUT, trust_env=False)
        return _clients[url]


class Declined(Unavailable):
    """The server is there and does not take this request: the same again would be declined again.

    To a person it is one that gives no answer; work that is tried again must not take it for one that will come back.
    """


def _post(url: str, path: str, body: dict[str, Any], timeout: Timeout = None, key: str = "") -> Any:
    """The answer's JSON. Raises Unavailable, with what the server said, for anything but a 2xx; Declined for a 4xx."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        response = _client(url).post(path, json=body, headers=headers, timeout=timeout or TIMEOUT)
    except httpx.HTTPError as error:
        raise Unavailable(f"The model server does not answer ({type(error).__name__}). Is it running?") from error
    if not response.is_success:
        declined = response.is_client_error and response.status_code not in {408, 429}
        refusal = Declined if declined else Unavailable
        raise refusal(f"The model server answered {response.status_code}: {response.text[:300]}")
    with _reading():
        return response.json()


@contextmanager
def _reading() -> Iterator[None]:
    """An answer in another form than OpenAI's is none: something else listens at that address."""
    try:
        yield
    except (LookupError, TypeError, ValueError, RecursionError) as error:
        what = f"{type(error).__name__}: {error}"[:300]
        raise Unavailable(f"The model server's answer cannot be read ({what}). Is its address right?") from error


def embed(texts: list[str], *, timeout: float | None = None) -> np.ndarray:
    """Unit vectors of the first READ characters of texts: [n, DIMENSIONS] float32. Raises Unavailable."""
    chunks = [texts[at : at + AT_ONCE] for at in range(0, len(texts), AT_ONCE)]
    return np.concatenate([np.zeros((0, DIMENSIONS), np.float32), *(_embed(chunk, timeout) for chunk in chunks)])


def _embed(texts: list[str], timeout: float | None) -> np.ndarray:
    body = {"model": "encoder", "input": [text[:READ] for text in texts], "encoding_format": "base64"}
    answer = _post(settings.LABELHUB_EMBED_URL, "/embeddings", body, timeout)
    with _reading():
        rows = sorted(answer["data"], key=lambda row: row["index"])
        found = [np.frombuffer(base64.b64decode(row["embedding"]), np.float32) for row in rows]
    ensure(len(found) == len(texts), Unavailable(f"The encoder gave {len(found)} vectors for {len(texts)} texts."))
    for vector in found:
        kept = f"LabelHub keeps {DIMENSIONS}: is LABELHUB_ENCODER right?"
        ensure(len(vector) == DIMENSIONS, Unavailable(f"The encoder gives vectors of {len(vector)} numbers, {kept}"))
    vectors = np.stack(found)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    ensure(np.isfinite(lengths).all() and lengths.all(), Unavailable("The encoder gave a vector without direction."))
    unit: np.ndarray = vectors / lengths
    return unit


def chat(model: str, messages: list[dict[str, str]], *, max_tokens: int = 96, temperature: float = 0.0) -> str:
    """One answer. Raises Unavailable."""
    body = {"model": model, "messages": messages, "max_tokens": max_tokens, "temperature": temperature}
    return _said(_post(settings.LABELHUB_CHAT_URL, "/chat/completions", body))


def ask_judge(messages: list[dict[str, str]]) -> str:
    """One answer of the operator's judge model; no proxy and no redirect leads elsewhere. Raises Unavailable."""
    body = {"model": settings.LABELHUB_JUDGE_MODEL, "messages": messages, "max_tokens": 300, "temperature": 0.0}
    answer = _post(settings.LABELHUB_JUDGE_URL, "/chat/completions", body, JUDGE_TIMEOUT, settings.LABELHUB_JUDGE_KEY)
    return _said(answer)


def _said(answer: Any) -> str:
    with _reading():
        return str(answer["choices"][0]["message"]["content"])
