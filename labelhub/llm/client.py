"""Models by URL: an OpenAI-compatible server for chat and embeddings. No model is ever loaded in this process."""

import base64
import os
import threading
from typing import Any

import httpx
import numpy as np
from django.conf import settings

from labelhub.errors import Unavailable, ensure

TIMEOUT = httpx.Timeout(30.0, connect=2.0)
_lock = threading.Lock()
_clients: dict[str, httpx.Client] = {}
os.register_at_fork(after_in_child=_clients.clear)  # two processes on one connection would read each other's answers


def _client(url: str) -> httpx.Client:
    with _lock:
        if url not in _clients:
            _clients[url] = httpx.Client(base_url=url, timeout=TIMEOUT, trust_env=False)
        return _clients[url]


def _post(url: str, path: str, body: dict[str, Any], timeout: float | None = None) -> dict[str, Any]:
    """Raises Unavailable, with what the server said, for anything but a 2xx."""
    try:
        response = _client(url).post(path, json=body, timeout=timeout or TIMEOUT)
    except httpx.HTTPError as error:
        raise Unavailable(f"The model server does not answer ({type(error).__name__}). Is it running?") from error
    if response.is_error:
        raise Unavailable(f"The model server answered {response.status_code}: {response.text[:300]}")
    answer: dict[str, Any] = response.json()
    return answer


def embed(texts: list[str], *, timeout: float | None = None) -> np.ndarray:
    """Unit vectors of texts: [n, d] float32. Raises Unavailable."""
    if not texts:
        return np.zeros((0, 0), np.float32)
    body = {"model": "encoder", "input": texts, "encoding_format": "base64"}
    rows = _post(settings.LABELHUB_EMBED_URL, "/embeddings", body, timeout)["data"]
    ensure(len(rows) == len(texts), Unavailable(f"The encoder gave {len(rows)} vectors for {len(texts)} texts."))
    rows.sort(key=lambda row: row["index"])
    return np.stack([np.frombuffer(base64.b64decode(row["embedding"]), np.float32) for row in rows])


def chat(model: str, messages: list[dict[str, str]], *, max_tokens: int = 96, temperature: float = 0.0) -> str:
    """One answer. Raises Unavailable."""
    body = {"model": model, "messages": messages, "max_tokens": max_tokens, "temperature": temperature}
    answer: str = _post(settings.LABELHUB_CHAT_URL, "/chat/completions", body)["choices"][0]["message"]["content"]
    return answer
