"""The loop, step by step, as three people and the shop's server live it over public HTTP."""

import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from training.loop.demo import customers, report
from training.loop.demo.customers import Exchange, Question
from training.loop.demo.people import Expert, Moderator, Person, Server, until

QUEUE, AUDIT = "wrong-answers", "audit"
AUDITED = 420
CONTEXT_TRIALS, SIBLING_TRIALS = 48, 60
GOOD_ROWS = 110


@dataclass
class Story:
    seed: int
    shuffle: bool
    server: Server
    expert: Expert
    moderator: Moderator
    admin: Person
    asked: list[Exchange]
    say: Callable[[str], None]
    started: float = field(default_factory=time.monotonic)
    meanings: dict[str, Question] = field(default_factory=dict)
    approved: list[dict[str, Any]] = field(default_factory=list)  # labels, as the moderator saw them

    def __post_init__(self) -> None:
        self.meanings = {exchange.question.prompt: exchange.question for exchange in self.asked}

    def step(self, text: str) -> None:
        self.say(f"{time.monotonic() - self.started:7.1f} s  {text}")

    def run(self) -> None:
        """Up to the gate's word; promotes when it allows. Raises RuntimeError, TimeoutError."""
        self.capture()
        self.triage()
        self.judge()
        self.approve_corrections()
        self.try_context()
        self.approve_the_rest()
        version = self.train()
        if self.promote(version):
            self.ask_again()

    def capture(self) -> None:
        rng = random.Random(self.seed)
        self.server.send("interactions", [customers.interaction_body(exchange, rng) for exchange in self.asked])
        signs = [sign for exchange in self.asked for sign in exchange.feedback]
        self.server.send("feedback", signs)
        sessions = len({exchange.session for exchange in self.asked})
        self.step(
            f"{len(self.asked)} interactions in {sessions} sessions and {len(signs)} signs of feedback are captured"
        )

    def triage(self) -> None:
        expected = {exchange.external_id for exchange in self.asked if exchange.feedback and not exchange.right}
        until("flagging", lambda: self._flagged() >= min(len(expected), 50), seconds=60)
        for slug, name in ((QUEUE, "Wrong answers"), (AUDIT, "Random audit")):
            self.moderator.post("/api/v1/queues/", {"slug": slug, "name": name, "random_tenth": False})
        done = self.moderator.triage(QUEUE, lambda s: any(flag["kind"] == "defect" for flag in s["flags"]))
        self.step(f"the moderator routes {done['route']} flagged sessions to an expert and dismisses {done['dismiss']}")
        self.moderator.post(f"/api/v1/queues/{AUDIT}/tasks/", {"random": AUDITED})

    def _flagged(self) -> int:
        return len(self.moderator.get("/api/v1/sessions/flagged/")["items"])

    def judge(self) -> None:
        wrong = self.expert.judge_all(QUEUE, self.meanings, self._rewrite())
        audited = self.expert.judge_all(AUDIT, self.meanings, self._rewrite())
        self.step(f"the expert judges {wrong} flagged answers and {audited} drawn at random, by the facts of today")

    def _rewrite(self) -> Callable[[Question], str]:
        """The right answer; shuffled, some other changed fact's."""
        if not self.shuffle:
            return lambda question: question.right_answer
        rng = random.Random(f"shuffle {self.seed}")
        facts = sorted(customers.CHANGED)

        def wrong(question: Question) -> str:
            other = rng.choice([fact for fact in facts if fact != question.fact])
            return Question(other, "").right_answer

        return wrong

    def approve_corrections(self) -> None:
        labels = list(self.moderator.waiting())
        corrections = [label for label in labels if label["verdict"] == "flawed"]
        self.approved = corrections
        for label in corrections:
            self.moderator.approve(label)
        last = corrections[-1]

        def contains() -> bool:
            found = self.server.context(last["interaction"]["prompt"])["corrections"]
            return any(c["provenance"] == f"label:{last['id']}" for c in found)

        until("the last correction in the context", contains, seconds=30)
        self.step(f"the moderator approves {len(corrections)} corrections; the last one is in the context at once")

    def try_context(self) -> None:
        rng = random.Random(f"context {self.seed}")
        chosen = rng.sample(self.approved, min(CONTEXT_TRIALS, len(self.approved)))
        gold = {label["interaction"]["prompt"]: label["rewrite"] for label in self.approved}
        right = {report.CONTEXT_OFF: 0, report.CONTEXT_ON: 0}
        for label in chosen:
            prompt = label["interaction"]["prompt"]
            for trial in right:
                system = self.server.context(prompt)["system_block"] if trial == report.CONTEXT_ON else ""
                right[trial] += self._ask(prompt, trial, system) == gold[prompt]
        injected = 0
        for question in customers.siblings(self.seed, SIBLING_TRIALS):
            block = self.server.context(question.prompt)["system_block"]
            injected += bool(block)
            self._ask(question.prompt, report.SIBLING, block)
        n = len(chosen)
        self.step(f"before any training: {right['on']} of {n} right with the context, {right['off']} of {n} without; "
                  f"{injected} of {SIBLING_TRIALS} sibling questions got a correction")  # fmt: skip

    def _ask(self, prompt: str, trial: str, system: str = "") -> str:
        """Ask production and capture the exchange, as any server would."""
        answer, version = self.server.chat(prompt, system)
        messages = [{"role": "system", "content": system}] if system else []
        body = {
            "external_id": f"trial-{time.time_ns()}", "messages": [*messages, {"role": "user", "content": prompt}],
            "output": answer, "model_version": version, "environment": "production",
            "occurred_at": datetime.now(UTC).isoformat(), "metadata": {"trial": trial},
        }  # fmt: skip
        self.server.post("/api/v1/interactions/", body)
        return answer

    def approve_the_rest(self) -> None:
        goods = list(self.moderator.waiting())
        cases = [
            {"messages": [{"role": "user", "content": q.prompt}], "gold": q.right_answer} for q in customers.held_out()
        ]
        told = self.admin.post(f"/api/v1/suites/{report.HELD_OUT}/cases/", {"items": cases})
        taken, refused = len(told["cases"]), len(told["refused"])
        self.step(
            f"the admin uploads held-out questions in sentences that nobody used: {taken} taken, {refused} refused"
        )
        for label in goods:
            self.moderator.approve(label)
        self.step(f"the moderator approves {len(goods)} answers as good as they are")

    def train(self) -> dict[str, Any]:
        snapshot = self.admin.post("/api/v1/snapshots/", {"good_rows": GOOD_ROWS})
        self.step(
            f"snapshot {snapshot['number']}: {_counts(snapshot['rows'])}; left out: {_counts(snapshot['left_out'])}"
        )
        run = self.admin.post(
            "/api/v1/runs/", {"snapshot": snapshot["number"], "recipe": "balanced", "reason": "facts changed"}
        )
        return self._watch(run["number"])

    def _watch(self, number: int) -> dict[str, Any]:
        def trained() -> Any:
            run = self.admin.get(f"/api/v1/runs/{number}/")
            if run["state"] in {"failed", "cancelled"}:
                raise RuntimeError(f"run {number} {run['state']}: {run.get('failure')}")
            return run if run["state"] == "succeeded" and run.get("version") else None

        run = until("training", trained, seconds=240)
        self.step(f"run {number} is trained: {run['max_steps']} steps")
        version: dict[str, Any] = until("the gate", lambda: self._judged(run["version"]), seconds=180)
        return version

    def _judged(self, number: int) -> Any:
        version = self.admin.get(f"/api/v1/versions/{number}/")
        evaluation = version["evaluation"] or {}
        if evaluation.get("state") == "failed":
            raise RuntimeError(f"the evaluation failed: {evaluation['failure']}")
        return version if evaluation.get("gate") else None

    def promote(self, version: dict[str, Any]) -> bool:
        gate = version["evaluation"]["gate"]
        for rule in gate["rules"]:
            self.say(f"             {'✓' if rule['passed'] else '✕'} {rule['rule']}: {rule['value']}")
        if not gate["passed"]:
            self.step(f"the gate refuses version {version['number']}; production stays as it is")
            return False
        body = {"version": version["number"], "slot": "production", "note": "facts of today"}
        self.admin.post("/api/v1/promotions/", body)
        self.step(f"the gate passes; the admin promotes version {version['number']}")
        return True

    def ask_again(self) -> None:
        gold = {label["interaction"]["prompt"]: label["rewrite"] for label in self.approved}
        prompts: Iterable[str] = list(gold)[-CONTEXT_TRIALS:]
        right = sum(self._ask(prompt, report.AFTER) == gold[prompt] for prompt in prompts)
        self.step(f"the same questions again, without the context: {right} of {len(list(prompts))} right")


def _counts(numbers: dict[str, int]) -> str:
    return ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in numbers.items()) or "nothing"
