"""Clients that call a running site and write down how long each answer took."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit


class Caller:
    """One kept-alive connection with one key."""

    def __init__(self, url: str, key: str = "") -> None:
        parts = urlsplit(url)
        self._at = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        self._headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})

    def post(self, path: str, body: Any = None) -> tuple[int, Any]:
        """(status, decoded body)."""
        self._at.request("POST", path, json.dumps(body) if body is not None else b"{}", self._headers)
        answer = self._at.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None


def in_parallel(works: Sequence[Callable[[], list[float]]]) -> list[float]:
    """What all the works give, run at once, a thread each."""
    with ThreadPoolExecutor(len(works)) as pool:
        return [value for values in pool.map(lambda work: work(), works) for value in values]


def paced(work: Callable[[int], None], *, rate: float, n: int, threads: int = 8) -> list[float]:
    """Milliseconds from the moment each call was due to its end: a slow answer delays no later call's clock."""
    began, lock, taken, times = time.monotonic() + 0.1, threading.Lock(), iter(range(n)), []

    def go_on() -> None:
        while True:
            with lock:
                number = next(taken, None)
            if number is None:
                return
            due = began + number / rate
            time.sleep(max(0.0, due - time.monotonic()))
            work(number)
            times.append((time.monotonic() - due) * 1000)

    with ThreadPoolExecutor(threads) as pool:
        for future in [pool.submit(go_on) for _ in range(threads)]:
            future.result()
    return times


def timed(work: Callable[[], Any]) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000
