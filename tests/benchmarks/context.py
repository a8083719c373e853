"""What the context API takes at a steady twenty questions a second, encoder included."""

import itertools
import threading

import numpy as np
from django.test import Client, override_settings

from labelhub.keys.models import Scope
from labelhub.llm import client
from labelhub.projects.rights import Role
from tests.benchmarks.callers import Caller, paced
from tests.benchmarks.figures import Figure, percentile
from tests.benchmarks.replay import Statement, bare_connection, recorded, replay
from tests.benchmarks.rows import Bare, add_corrections, add_interactions, add_vectors, unit_vectors
from tests.factories import make_key, make_member, make_project, make_queue
from tests.stack import Stack

COLOURS = "red blue green grey white black yellow brown violet orange".split()  # noqa: SIM905
THINGS = "lantern kettle tent rope stove jacket bottle compass whistle hammock mug blanket torch saw axe spade boots socks gloves map".split()  # noqa: SIM905
PLACES = "Oslo Bergen Turku Malmo Aarhus Tartu Riga Vilnius Gdansk Lubeck".split()  # noqa: SIM905
RATE = 20


def context(site: Stack, *, seed: int, others: int = 8_000, seconds: int = 30) -> Figure:
    """p95 from the moment a question was due; 2,000 approved corrections among `others` more prompts."""
    rng = np.random.default_rng(seed)
    asked = [f"How much is the {c} {t} in {p}?" for c, t, p in itertools.product(COLOURS, THINGS, PLACES)]
    with (
        site.database(),
        override_settings(LABELHUB_EMBED_URL=site.inference),
        bare_connection(site.database_url) as bare,
    ):
        project = make_project()
        expert, moderator = make_member(project), make_member(project, Role.MODERATOR)
        key = make_key(project, Scope.INJECT)
        ids = add_interactions(bare, project, len(asked) + others, asked)
        rewrites = [f"The {q.split(' the ')[1].rstrip('?')} costs {i} euros." for i, q in enumerate(asked)]
        add_corrections(bare, make_queue(project), ids[: len(asked)], rewrites, expert, moderator)
        _embed(bare, project, ids[: len(asked)], asked)
        add_vectors(bare, project, ids[len(asked) :], ["Question"] * others, unit_vectors(rng, others))
        bare.execute("ANALYZE")
        questions = [f"Please tell me how much the {q.split(' the ')[1]}" for q in rng.permutation(asked)]
        statements = _recorded(key, questions[0])
    n = RATE * seconds
    answered: list[dict[str, object]] = []
    ours = _over_http(site, key, questions, n, answered)
    alone = _encoder_and_sql(site, statements, questions, n)
    return Figure(
        percentile(ours, 95), "ms p95", percentile(alone, 95), n,
        f"POST /api/v1/context/ at {RATE}/s among {len(asked):,} corrections; reference: the encoder and the SQL alone",
        {"p50": percentile(ours, 50), "p99": percentile(ours, 99), "reference_p50": percentile(alone, 50),
         "answered_with_a_correction": round(sum(bool(a["corrections"]) for a in answered) / n, 3),
         "degraded": sum(bool(a["degraded"]) for a in answered), "statements": len(statements)},
    )  # fmt: skip


def _embed(bare: Bare, project: object, ids: list[int], texts: list[str]) -> None:
    for start in range(0, len(texts), 100):
        part = texts[start : start + 100]
        add_vectors(bare, project, ids[start : start + 100], part, client.embed(part))  # type: ignore[arg-type]


def _recorded(key: str, prompt: str) -> list[Statement]:
    with recorded() as statements:
        answer = Client(SERVER_NAME="127.0.0.1").post(
            "/api/v1/context/", {"prompt": prompt}, "application/json", headers={"Authorization": f"Bearer {key}"}
        )
    assert answer.json()["corrections"], answer.content
    return statements


def _over_http(site: Stack, key: str, questions: list[str], n: int, answered: list[dict[str, object]]) -> list[float]:
    own = threading.local()

    def ask(number: int) -> None:
        own.caller = getattr(own, "caller", None) or Caller(site.web, key)
        status, body = own.caller.post("/api/v1/context/", {"prompt": questions[number % len(questions)]})
        assert status == 200, (status, body)
        answered.append(body)

    return paced(ask, rate=RATE, n=n)


def _encoder_and_sql(site: Stack, statements: list[Statement], questions: list[str], n: int) -> list[float]:
    own = threading.local()
    encoder = f"{str(site.inference).removesuffix('/v1')}"

    def ask(number: int) -> None:
        if not hasattr(own, "bare"):
            own.bare, own.caller = bare_connection(site.database_url), Caller(encoder)
        own.caller.post("/v1/embeddings", {"model": "encoder", "input": [questions[number % len(questions)]]})
        replay(own.bare, statements)

    return paced(ask, rate=RATE, n=n)
