"""People and machines that go on using a site while something in it breaks, and what each was answered.

The history has one line for each question: {t, took, proc, op, key, status, code}. `status` is ok (2xx), fail (503
with a time to come back: nothing was promised) or info (no answer: it may or may not have happened).
"""

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx

BATCH = 20
PAUSE_S = 0.02  # between two questions of one caller
LONGEST_S = 30.0  # a caller's own patience: what hangs shall be seen, not cut off


@dataclass(frozen=True)
class Answer:
    t: float  # when it came, by time.monotonic()
    took: float
    proc: str
    op: str
    key: str
    status: str
    code: int  # 0: no answer
    retry_after: str | None = None


@dataclass
class Load:
    """Callers in threads. `headers` of a writer's key; `read`: (operation, path, headers) in turn."""

    base: str
    headers: dict[str, str]
    read: list[tuple[str, str, dict[str, str]]]
    mark: str = field(default_factory=lambda: secrets.token_hex(4))  # keys of two loads never meet
    answers: list[Answer] = field(default_factory=list)
    ending: threading.Event = field(default_factory=threading.Event)

    def acked(self) -> set[str]:
        return {a.key for a in list(self.answers) if a.op == "write" and a.status == "ok"}

    def since(self, moment: float, op: str = "") -> list[Answer]:
        return [a for a in list(self.answers) if a.t >= moment and op in ("", a.op)]

    def write_history(self, path: Path) -> Path:
        path.write_text("".join(json.dumps(asdict(answer)) + "\n" for answer in self.answers))
        return path

    @contextmanager
    def running(self, *, writers: int = 3, readers: int = 3) -> Iterator["Load"]:
        threads = [threading.Thread(target=self._write, args=(f"w{n}",), daemon=True) for n in range(writers)]
        threads += [threading.Thread(target=self._read, args=(f"r{n}", n), daemon=True) for n in range(readers)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self.ending.set()
            for thread in threads:
                thread.join(LONGEST_S)

    def _write(self, name: str) -> None:
        """Batch after batch; one that was not acknowledged is sent again, as a client does that wants to lose nothing."""
        number = 0
        with httpx.Client(base_url=self.base, headers=self.headers, timeout=LONGEST_S, trust_env=False) as client:
            while not self.ending.is_set():
                key = f"{self.mark}-{name}-{number}"
                body = {"items": [item(f"{key}-{n}") for n in range(BATCH)]}
                send = lambda body=body: client.post("/api/v1/interactions/batch/", json=body)  # noqa: E731
                number += self._ask(name, "write", key, send).status == "ok"
                self.ending.wait(PAUSE_S)

    def _read(self, name: str, number: int) -> None:
        with httpx.Client(base_url=self.base, timeout=LONGEST_S, trust_env=False) as client:
            while not self.ending.is_set():
                op, path, headers = self.read[number % len(self.read)]
                number += 1
                self._ask(name, op, path, lambda path=path, headers=headers: client.get(path, headers=headers))
                self.ending.wait(PAUSE_S)

    def _ask(self, proc: str, op: str, key: str, send: Callable[[], httpx.Response]) -> Answer:
        began = time.monotonic()
        code, retry_after = 0, None
        try:
            response = send()
            code, retry_after = response.status_code, response.headers.get("Retry-After")
        except httpx.HTTPError:
            time.sleep(PAUSE_S)
        now = time.monotonic()
        status = "ok" if 200 <= code < 300 else "info" if code == 0 else "fail"
        self.answers.append(Answer(now, now - began, proc, op, key, status, code, retry_after))
        return self.answers[-1]


def item(external_id: str) -> dict[str, Any]:
    """An interaction whose text can be told from its id."""
    return {
        "external_id": external_id, "session": external_id.rsplit("-", 1)[0], "output": f"Answer to {external_id}.",
        "messages": [{"role": "user", "content": f"Question {external_id}?"}],
    }  # fmt: skip
