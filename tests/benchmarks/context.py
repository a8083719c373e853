"""What the context API takes at a steady twenty questions a second, encoder included."""

import itertools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
from django.test import override_settings

from annotations.guidance import context as guidance
from labelhub.keys.models import Scope
from labelhub.llm import client
from labelhub.projects.models import Project
from labelhub.projects.rights import Role
from tests.benchmarks.callers import Caller, Here, carried, in_turns, paced, timed
from tests.benchmarks.crew import crew, joined
from tests.benchmarks.figures import Figure, goes_to, medians, percentile
from tests.benchmarks.replay import Bare, Recording, bare_connection, record, replay
from tests.benchmarks.rows import add_corrections, add_interactions, add_vectors, unit_vectors
from tests.factories import make_key, make_member, make_project, make_queue
from tests.stack import Stack

COLOURS = "red blue green grey white black yellow brown violet orange".split()  # noqa: SIM905
THINGS = "lantern kettle tent rope stove jacket bottle compass whistle hammock mug blanket torch saw axe spade boots socks gloves map".split()  # noqa: SIM905
PLACES = "Oslo Bergen Turku Malmo Aarhus Tartu Riga Vilnius Gdansk Lubeck".split()  # noqa: SIM905
RATE, SECONDS, ASKERS, OTHERS = 20, 30, 4, 8_000
PATH, NEAREST = "/api/v1/context/", "<=>"


def context(site: Stack, *, seed: int) -> Figure:
    """p95 from the moment a question was due; 2,000 approved corrections among OTHERS more prompts."""
    with (
        site.database(),
        override_settings(LABELHUB_EMBED_URL=site.inference),
        bare_connection(site.database_url) as bare,
    ):
        key, questions = _filled(bare, np.random.default_rng(seed))
        recordings = _recorded(key, questions)
        one = _taken_apart(site, bare, key, questions, recordings)
    n = RATE * SECONDS
    turns = [range(place, n, ASKERS) for place in range(ASKERS)]
    # A process per asker, here and there: neither waits for its turn in one Python.
    with crew(ASKERS) as at_once:
        asked = joined(at_once(over_http, site.web, key, questions, each=turns))
        encoder_url = str(site.inference).removesuffix("/v1")
        alone = joined(at_once(by_encoder_and_sql, encoder_url, site.database_url, recordings, questions, each=turns))
    ours, answers = [ms for ms, _ in asked], [answer for _, answer in asked]
    p50 = percentile(ours, 50)
    return Figure(
        percentile(ours, 95), "ms p95", percentile(alone, 95), n,
        f"POST {PATH} at {RATE}/s among 2,000 corrections; reference: the encoder and the SQL alone",
        {"p50": p50, "p99": percentile(ours, 99), "reference_p50": percentile(alone, 50),
         "answered_with_a_correction": round(sum(bool(a["corrections"]) for a in answers) / n, 3),
         "degraded": sum(bool(a["degraded"]) for a in answers), "statements": len(recordings[0].statements),
         "goes_to_ms": _goes_to(p50, one)},
    )  # fmt: skip


def _filled(bare: Bare, rng: np.random.Generator) -> tuple[str, list[str]]:
    """A key, and questions each of which asks in other words what has been corrected."""
    asked = [f"How much is the {c} {t} in {p}?" for c, t, p in itertools.product(COLOURS, THINGS, PLACES)]
    project = make_project()
    ids = add_interactions(bare, project, len(asked) + OTHERS, asked)
    rewrites = [f"The {q.split(' the ')[1].rstrip('?')} costs {i} euros." for i, q in enumerate(asked)]
    expert, moderator = make_member(project), make_member(project, Role.MODERATOR)
    add_corrections(bare, make_queue(project), ids[: len(asked)], rewrites, expert, moderator)
    _embed(bare, project, ids[: len(asked)], asked)
    add_vectors(bare, project, ids[len(asked) :], ["Question"] * OTHERS, unit_vectors(rng, OTHERS))
    bare.execute("ANALYZE")
    questions = [f"Please tell me how much the {q.split(' the ')[1]}" for q in rng.permutation(asked)]
    return make_key(project, Scope.INJECT), questions


def _embed(bare: Bare, project: Project, ids: list[int], texts: list[str]) -> None:
    for start in range(0, len(texts), 100):
        part = texts[start : start + 100]
        add_vectors(bare, project, ids[start : start + 100], part, client.embed(part))


def _recorded(key: str, questions: list[str]) -> list[Recording]:
    here = Here(key)

    def ask(number: int) -> None:
        answer = here.post(PATH, {"prompt": questions[number]})
        assert answer["corrections"], answer

    return record(ask)


def _taken_apart(
    site: Stack, bare: Bare, key: str, questions: list[str], recordings: list[Recording]
) -> dict[str, float]:
    """Median milliseconds of one question at a time, over HTTP, in this process, and of its parts.

    Of matching, which looks at one candidate after another, the mean of a question.
    """
    there, here = Caller(site.web, key), Here(key)
    searches = [replace(one, statements=[s for s in one.statements if NEAREST in s.sql]) for one in recordings]
    with _stopwatch(client, "embed") as encoder, _stopwatch(guidance, "named_items", "same_problem") as matching:
        times = in_turns(
            len(recordings),
            there=lambda number: timed(lambda: there.post(PATH, {"prompt": questions[number]})),
            here=lambda number: timed(lambda: here.post(PATH, {"prompt": questions[number]})),
            search=lambda number: replay(bare, searches[number]).ms,
            sql=lambda number: replay(bare, recordings[number]).sql_ms,
            commit=lambda number: replay(bare, recordings[number]).commit_ms,
            **carried(site.web),
        )
    return {**medians(times), "encoder": percentile(encoder, 50), "matching": sum(matching) / len(encoder)}


def _goes_to(p50: float, one: dict[str, float]) -> dict[str, float]:
    parts = {
        "encoder": one["encoder"], "matching": one["matching"], "search": one["search"],
        "sql": one["sql"] - one["search"], "commit": one["commit"],
    }  # fmt: skip
    python = one["here"] - sum(parts.values())
    return goes_to(p50, waiting=p50 - one["there"], http=one["live_there"] - one["live_here"], python=python, **parts)


@contextmanager
def _stopwatch(module: Any, *names: str) -> Iterator[list[float]]:
    """Inside, the milliseconds of each call of these functions of `module` are added to the list."""
    times: list[float] = []

    def watched(function: Any) -> Any:
        def call(*values: Any, **named: Any) -> Any:
            answers: list[Any] = []
            times.append(timed(lambda: answers.append(function(*values, **named))))
            return answers[0]

        return call

    with ExitStack() as patches:
        for name in names:
            patches.enter_context(patch.object(module, name, watched(getattr(module, name))))
        yield times


def over_http(url: str, key: str, questions: list[str], turns: range) -> list[tuple[float, dict[str, Any]]]:
    """Milliseconds of each answer, and the answer."""
    caller, answers = Caller(url, key), []

    def ask(number: int) -> None:
        answers.append(caller.post(PATH, {"prompt": questions[number % len(questions)]}))

    return list(zip(paced(ask, turns, rate=RATE), answers, strict=True))


def by_encoder_and_sql(
    encoder: str, database_url: str, recordings: list[Recording], questions: list[str], turns: range
) -> list[float]:
    """Milliseconds of the encoder, asked as the site asks it, and of the SQL of one question after another."""
    caller = Caller(encoder)
    with bare_connection(database_url) as bare:

        def ask(number: int) -> None:
            text = questions[number % len(questions)]
            caller.post("/v1/embeddings", {"model": "encoder", "input": [text], "encoding_format": "base64"})
            replay(bare, recordings[number % len(recordings)])

        return paced(ask, turns, rate=RATE)
