"""Clients that call a running site, or this very process as if it were one, and write down how long answers took."""

import http.client
import json
import time
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from django.test import Client


class Caller:
    """One kept-alive connection with one key."""

    def __init__(self, url: str, key: str = "") -> None:
        parts = urlsplit(url)
        self._at = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        self._headers = {"Content-Type": "application/json"} | _with_key(key)

    def post(self, path: str, body: Any = None) -> Any:
        """The decoded answer. Fails for any but a 2xx that has one."""
        return self._ask("POST", path, _as_json(body))

    def get(self, path: str) -> Any:
        return self._ask("GET", path, None)

    def _ask(self, method: str, path: str, body: Any) -> Any:
        self._at.request(method, path, body, self._headers)
        answer = self._at.getresponse()
        text = answer.read()
        assert answer.status in {200, 201}, (answer.status, text)
        return json.loads(text)


class Here:
    """As Caller, but the answer is made in this process: everything of a request but what carries it."""

    def __init__(self, key: str = "") -> None:
        self._headers = _with_key(key)

    def post(self, path: str, body: Any = None) -> Any:
        return self._read(_client().post(path, _as_json(body), "application/json", headers=self._headers))

    def get(self, path: str) -> Any:
        return self._read(_client().get(path, headers=self._headers))

    def _read(self, answer: Any) -> Any:
        assert answer.status_code in {200, 201}, (answer.status_code, answer.content)
        return answer.json()


@cache
def _client() -> Client:
    """One for all: each would put the middleware together again."""
    return Client(SERVER_NAME="127.0.0.1")


def _as_json(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body or {}).encode()


def _with_key(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}


def paced(work: Callable[[int], Any], numbers: Iterable[int], *, rate: float) -> list[float]:
    """Milliseconds from the moment each call was due, `number / rate` from now, to its end.

    A call that the one before delays has waited since it was due: a slow answer hides nothing.
    """
    began, times = time.monotonic() + 0.1, []
    for number in numbers:
        due = began + number / rate
        time.sleep(max(0.0, due - time.monotonic()))
        work(number)
        times.append((time.monotonic() - due) * 1000)
    return times


def timed(work: Callable[[], Any]) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def in_turns(n: int, **works: Callable[[int], float]) -> dict[str, list[float]]:
    """The milliseconds that each work gives for every number below `n`.

    They take turns, and in who is first too: warm caches, and whatever else the machine does, meet all of them alike.
    """
    names = list(works)
    times: dict[str, list[float]] = {name: [] for name in names}
    for number in range(n):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            times[name].append(works[name](number))
    return times


def carried(url: str) -> dict[str, Callable[[int], float]]:
    """Two works, of which the first takes longer by what HTTP takes: a page that asks nobody, there and here."""
    there, here = Caller(url), Here()
    return {
        "live_there": lambda _: timed(lambda: there.get("/health/live")),
        "live_here": lambda _: timed(lambda: here.get("/health/live")),
    }
