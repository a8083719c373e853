"""The customers of the demo's shop: what they ask, what the model answers, and how they take it.

They live by the facts of today (facts.json); the model learnt yesterday's. Everything follows from the seed.
"""

import json
import random
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from training.lm.starter import phrasing, world

CHANGED: dict[str, str] = json.loads((Path(__file__).parent / "facts.json").read_text(encoding="utf-8"))
TODAY: dict[str, str] = {**world.FACTS, **CHANGED}
ASKED_PER_FACT = 9
ASKED_PER_CHANGED_FACT = 10
OFF_TOPIC = 160


@dataclass(frozen=True)
class Question:
    """One thing a customer asks; `fact` is None off topic."""

    fact: str | None
    prompt: str

    @property
    def right_answer(self) -> str:
        """By the facts of today."""
        return world.answer(TODAY, *world.split(self.fact)) if self.fact else world.I_DO_NOT_KNOW


@dataclass
class Exchange:
    external_id: str
    session: str
    question: Question
    occurred_at: datetime
    output: str = ""
    feedback: list[dict[str, Any]] = field(default_factory=list)

    @property
    def right(self) -> bool:
        return self.output.strip() == self.question.right_answer


def exchanges(seed: int) -> list[Exchange]:
    """A few thousand questions in a few hundred sessions of the last week, still unanswered."""
    rng = random.Random(f"customers {seed}")
    asked: list[Question] = []
    for fact in world.FACTS:
        intent, item = world.split(fact)
        frames = list(world.corpus_frames(intent))
        number = ASKED_PER_CHANGED_FACT if fact in CHANGED else ASKED_PER_FACT
        asked += [
            Question(fact, world.ask(intent, item, frame)) for frame in rng.sample(frames, min(number, len(frames)))
        ]
    asked += [Question(None, phrasing.off_topic(rng)) for _ in range(OFF_TOPIC)]
    rng.shuffle(asked)
    start = datetime.now(UTC) - timedelta(days=7)
    made: list[Exchange] = []
    session = 0
    while len(made) < len(asked):
        session += 1
        at = start + timedelta(seconds=rng.uniform(0, 6.9 * 86_400))
        for question in asked[len(made) : len(made) + rng.choice([1, 2, 3, 4, 5, 6, 7, 8])]:
            at += timedelta(seconds=rng.uniform(20, 90))
            made.append(Exchange(f"demo-{len(made)}", f"visit-{session}", question, at))
    return made


def answer(asked: list[Exchange], base_model: str, base_sha256: str, folder: Path) -> None:
    """Let the base model answer every question, in one go. Raises CalledProcessError."""
    folder.mkdir(parents=True, exist_ok=True)
    spec = {
        "schema": 1, "kind": "evaluate", "base_model": base_model, "base_sha256": base_sha256, "max_new_tokens": 64,
        "versions": [{"name": "base", "adapter": None}],
    }  # fmt: skip
    (folder / "spec.json").write_text(json.dumps(spec))
    with (folder / "cases.jsonl").open("w", encoding="utf-8") as cases:
        for exchange in asked:
            messages = [{"role": "user", "content": exchange.question.prompt}]
            cases.write(
                json.dumps({"id": exchange.external_id, "messages": messages, "gold": None, "rejected": None}) + "\n"
            )
    subprocess.run([sys.executable, "-m", "training.lm", "evaluate", str(folder)], check=True)
    lines = (folder / "results.jsonl").read_text(encoding="utf-8").splitlines()
    outputs = {row["id"]: row["output"] for row in map(json.loads, lines)}
    for exchange in asked:
        exchange.output = outputs[exchange.external_id]


def react(asked: list[Exchange], seed: int) -> None:
    """How people take it: most wrong answers are noticed, most right ones pass without a word, a few are mistaken."""
    rng = random.Random(f"reactions {seed}")
    for exchange in asked:
        for n, (kind, value, text) in enumerate(_reaction(rng, exchange)):
            exchange.feedback.append(
                {
                    "external_id": f"{exchange.external_id}-{n}", "interaction": exchange.external_id, "kind": kind,
                    "value": value, "text": text, "end_user": exchange.session,
                    "occurred_at": (exchange.occurred_at + timedelta(seconds=rng.uniform(3, 15))).isoformat(),
                }
            )  # fmt: skip


Sign = tuple[str, float | None, str]
# (share, what people do): most wrong answers are noticed, the others slip through.
ON_WRONG: list[tuple[float, list[Sign]]] = [
    (0.54, [("thumb", -1, "")]),
    (0.18, [("thumb", -1, "that is the old one")]),
    (0.06, [("rating", 1, "")]),
    (0.06, [("rating", 2, "your website says something else")]),
    (0.08, [("follow_up", None, "")]),
    (0.05, [("thumb", -1, "the shop told me otherwise"), ("regenerate", None, "")]),
]
ON_RIGHT: list[tuple[float, list[Sign]]] = [
    (0.10, [("thumb", 1, "")]),
    (0.04, [("copy", None, "")]),
    (0.02, [("rating", 5, "")]),
    (0.01, [("thumb", -1, "not what I hoped for")]),
    (0.005, [("abandon", None, "")]),
]


def _reaction(rng: random.Random, exchange: Exchange) -> list[Sign]:
    luck = rng.random()
    for share, signs in ON_RIGHT if exchange.right else ON_WRONG:
        luck -= share
        if luck < 0:
            return signs
    return []


def interaction_body(exchange: Exchange, rng: random.Random) -> dict[str, Any]:
    """As the shop's own server sends it."""
    return {
        "external_id": exchange.external_id, "session": exchange.session,
        "messages": [{"role": "user", "content": exchange.question.prompt}], "output": exchange.output,
        "occurred_at": exchange.occurred_at.isoformat(), "model_version": "base", "environment": "production",
        "user_role": "customer", "duration_ms": round(rng.uniform(20, 90), 1),
        "metadata": {"channel": rng.choice(["web", "app"])},
    }  # fmt: skip


def held_out() -> list[Question]:
    """Questions on the changed facts in sentence frames that neither the starter nor any customer ever used."""
    return [
        Question(fact, world.ask(*world.split(fact), frame))
        for fact in CHANGED
        for frame in world.unseen_frames(world.split(fact)[0])
    ]


def siblings(seed: int, number: int) -> list[Question]:
    """Questions as on the changed facts, about other items."""
    rng = random.Random(f"siblings {seed}")
    facts = [
        world.key(intent, item)
        for intent in sorted({world.split(fact)[0] for fact in CHANGED})
        for item in world.items(intent)
        if world.key(intent, item) not in CHANGED
    ]
    chosen = [rng.choice(facts) for _ in range(number)]
    return [
        Question(fact, world.ask(*world.split(fact), rng.choice(world.corpus_frames(world.split(fact)[0]))))
        for fact in chosen
    ]
