"""The three people of the demo and the shop's server, each with a key, each over public HTTP and nothing else."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from training.loop.demo.customers import Question

PAGE = 500


class Person:
    """Somebody with an API key."""

    def __init__(self, site: str, key: str) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        self.http = httpx.Client(base_url=site, headers=headers, timeout=60, trust_env=False)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of the answer, None for 204. Raises RuntimeError with the site's own words for a refusal."""
        for _ in range(5):
            response = self.http.request(method, path, json=body)
            if response.status_code != 503:
                break
            time.sleep(1)
        if response.is_error:
            raise RuntimeError(f"{method} {path}: {response.status_code} {response.text[:400]}")
        return response.json() if response.content else None

    def get(self, path: str) -> Any:
        return self.ask("GET", path)

    def post(self, path: str, body: Any = None) -> Any:
        return self.ask("POST", path, {} if body is None else body)


def until(what: str, look: Callable[[], Any], *, seconds: float) -> Any:
    """What `look` gives, once it gives something. Raises TimeoutError naming `what`."""
    end = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not happen within {seconds:g} s")
        time.sleep(0.1)
    return found


class Server(Person):
    """The shop's server: sends what happened, asks for context and for answers."""

    def __init__(self, site: str, gateway: str, key: str) -> None:
        super().__init__(site, key)
        self.gateway = gateway

    def send(self, path: str, items: list[dict[str, Any]]) -> None:
        """Raises RuntimeError when one item is not taken."""
        for start in range(0, len(items), PAGE):
            outcomes = self.post(f"/api/v1/{path}/batch/", {"items": items[start : start + PAGE]})["items"]
            bad = [outcome for outcome in outcomes if outcome["status"] not in {"created", "replayed"}]
            if bad:
                raise RuntimeError(f"{len(bad)} items were refused, the first: {bad[0]}")

    def context(self, prompt: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.post("/api/v1/context/", {"prompt": prompt})
        return answer

    def chat(self, prompt: str, system: str = "", model: str = "production") -> tuple[str, str]:
        """(answer, the version that gave it) through the gateway."""
        lead = [{"role": "system", "content": system}] if system else []
        body = {
            "model": model,
            "messages": [*lead, {"role": "user", "content": prompt}],
            "max_tokens": 64,
            "temperature": 0,
        }
        response = self.http.post(f"{self.gateway}/v1/chat/completions", json=body)
        if response.is_error:
            raise RuntimeError(f"chat: {response.status_code} {response.text[:400]}")
        answer = response.json()
        return answer["choices"][0]["message"]["content"].strip(), answer["model"]


class Expert(Person):
    def judge_all(self, queue: str, meanings: dict[str, Question], rewrite_of: Callable[[Question], str]) -> int:
        """Claim, judge and submit until the queue is empty; how many were judged."""
        judged = 0
        while task := self.post(f"/api/v1/queues/{queue}/claim/"):
            interaction = task["interaction"]
            question = meanings[interaction["messages"][-1]["content"]]
            self.post(
                f"/api/v1/tasks/{task['task']}/labels/",
                {"fence": task["fence"], **judgement(interaction["output"], question, rewrite_of)},
            )
            judged += 1
        return judged


def judgement(output: str, question: Question, rewrite_of: Callable[[Question], str]) -> dict[str, Any]:
    """What an expert says who knows the facts of today."""
    if output.strip() == question.right_answer:
        return {"verdict": "good", "active_seconds": 4, "confidence": "high"}
    return {
        "verdict": "flawed", "categories": [{"category": "factually-incorrect", "severity": 2}], "root_cause": "model",
        "rewrite": rewrite_of(question), "confidence": "high", "active_seconds": 12,
    }  # fmt: skip


class Moderator(Person):
    def triage(self, queue: str, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, int]:
        """Route what `wanted` likes to `queue`, dismiss the rest, until the board is empty."""
        done = {"route": 0, "dismiss": 0}
        while sessions := self.get("/api/v1/sessions/flagged/")["items"]:
            for session in sessions:
                kind = "route" if wanted(session) else "dismiss"
                reason = "" if kind == "route" else "nothing to correct: praise, or a customer who left"
                self.post(
                    "/api/v1/decisions/", {"session": session["id"], "kind": kind, "queue": queue, "reason": reason}
                )
                done[kind] += 1
        return done

    def waiting(self) -> Iterator[dict[str, Any]]:
        """Labels that wait for approval, oldest first."""
        after = 0
        while items := self.get(f"/api/v1/labels/?state=waiting&after={after}")["items"]:
            yield from items
            after = items[-1]["id"]

    def approve(self, label: dict[str, Any]) -> dict[str, Any]:
        approval: dict[str, Any] = self.post(f"/api/v1/labels/{label['id']}/approval/")
        return approval
