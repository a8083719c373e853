"""People who judge a site's queues over its API until told to end, and what each act of theirs was answered.

Some dawdle with a task in their hands, some vanish with it, some have a clock that is hours off; now and then one sends
what was overtaken: an older fence, or the same submit twice.
"""

import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx

from tests.faults.total_queue import Act

PAUSE_S = 0.25  # before asking again where nothing was left
LONGEST_S = 30.0
Answer = tuple[str, dict[str, Any]]  # its status, and the body


@dataclass
class Reviewer:
    """`skew`: how far their clock is off. `vanishes`: after so many tasks, the next one in hand."""

    base: str
    key: str
    name: str
    queues: Sequence[str]
    seed: str
    skew: timedelta = timedelta()
    vanishes: float = float("inf")
    acts: list[Act] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(f"{self.seed} {self.name}")

    def work(self, ending: threading.Event) -> None:
        headers = {"Authorization": f"Bearer {self.key}", "Date": format_datetime(self.now, usegmt=True)}
        with httpx.Client(base_url=f"{self.base}/api/v1", headers=headers, timeout=LONGEST_S, trust_env=False) as line:
            taken = 0
            while not ending.is_set():
                queue = self.chance.choice(self.queues)
                status, task = self._do(line, "claim", queue, "POST", f"/queues/{queue}/claim/")
                if status == "ok" and task:
                    taken += 1
                    if taken > self.vanishes:
                        return
                    self._judge(line, queue, task, ending)
                elif status != "info":
                    ending.wait(PAUSE_S)

    def _judge(self, line: httpx.Client, queue: str, task: dict[str, Any], ending: threading.Event) -> None:
        at, fence, chance = {"queue": queue, "task": task["task"]}, task["fence"], self.chance.random()
        if chance < 0.10:
            content = {"fence": fence, "version": 0, "content": {"note": self.name}}
            self._do(line, "draft", **at, fence=fence, method="PUT", path=f"/tasks/{task['task']}/draft/", body=content)
        elif chance < 0.14:
            ending.wait(self.chance.uniform(0.5, 3))
        elif chance < 0.17:
            self._submit(line, **at, fence=fence - 1)
        elif chance < 0.19 and self._skip(line, **at, fence=fence):
            return
        submitted, key = self._submit(line, **at, fence=fence)
        if submitted == "ok" and chance > 0.97:
            self._submit(line, **at, fence=fence, key=key)

    def _submit(self, line: httpx.Client, queue: str, task: int, fence: int, key: str = "") -> tuple[str, str]:
        key = key or f"{self.name}-{len(self.acts)}"
        body = {"fence": fence, "verdict": "good", "note": key}
        status, _ = self._do(line, "submit", queue, "POST", f"/tasks/{task}/labels/", task, fence, key, body)
        return status, key

    def _skip(self, line: httpx.Client, queue: str, task: int, fence: int) -> bool:
        """Not this one; or, by one's own clock, in a minute: where that is wrong it lies hours ahead, or is over."""
        later = {"snooze": (self.now + timedelta(minutes=1)).isoformat()}
        body = {"fence": fence} | (later if self.skew else {"skip": "not my field"})
        return self._do(line, "skip", queue, "PATCH", f"/tasks/{task}/claim/", task, fence, "", body)[0] == "ok"

    @property
    def now(self) -> datetime:
        return datetime.now(UTC) + self.skew

    def _do(
        self, line: httpx.Client, op: str, queue: str, method: str, path: str, task: int = 0, fence: int = 0,
        key: str = "", body: dict[str, Any] | None = None,
    ) -> Answer:  # fmt: skip
        began, code, told = time.monotonic(), 0, {}
        try:
            answer = line.request(method, path, json=body)
            code, told = answer.status_code, answer.json() if answer.content else {}
        except httpx.HTTPError:
            pass
        if code in {0, 503}:
            time.sleep(self.chance.uniform(PAUSE_S, 2))
        status = "ok" if 200 <= code < 300 else "info" if code in {0, 503} else "fail"
        if op == "claim" and status == "ok":
            task, fence = told.get("task", 0), told.get("fence", 0)
        self.acts.append(Act(began, time.monotonic(), self.name, op, status, queue, task, fence, key))
        self.codes.append(code)
        return status, told


@contextmanager
def at_work(reviewers: Sequence[Reviewer]) -> Iterator[None]:
    ending = threading.Event()
    threads = [threading.Thread(target=one.work, args=[ending], daemon=True) for one in reviewers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ending.set()
        for thread in threads:
            thread.join(LONGEST_S)
