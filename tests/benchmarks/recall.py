"""Who is near whom, exactly, within one project among others."""

from collections.abc import Callable
from typing import Any

import numpy as np
from django.db import connection

from annotations.recall.actions import PROMPT
from annotations.recall.nearest import nearest
from labelhub.projects.models import Project
from tests.benchmarks.callers import in_turns, timed
from tests.benchmarks.figures import Figure, goes_to, medians, percentile
from tests.benchmarks.replay import Bare, Recording, bare_connection, recorded, replay
from tests.benchmarks.rows import add_vectors, unit_vectors
from tests.factories import make_project
from tests.stack import Stack

K, QUESTIONS = 10, 200
EXPLAIN = "EXPLAIN (ANALYZE, TIMING OFF, SUMMARY, FORMAT JSON) "


def recall(site: Stack, *, seed: int, of_each: int = 5_000, projects: int = 10, large: int = 50_000) -> Figure:
    """p95 of the ten nearest of `of_each` prompts, with as many in every other project and one larger one."""
    rng = np.random.default_rng(seed)
    with site.database(), bare_connection(site.database_url) as bare:
        (first, vectors), *_, (big, big_vectors) = [_filled(bare, rng, n) for n in [of_each] * projects + [large]]
        right, times = _asked(bare, first, vectors, _near(rng, vectors, QUESTIONS))
        right_in_big, in_big = _asked(bare, big, big_vectors, _near(rng, big_vectors, QUESTIONS // 4))
    return Figure(
        percentile(times["ours"], 95), "ms p95", percentile(times["alone"], 95), QUESTIONS,
        f"the {K} nearest of {of_each:,} vectors of a project, exact; reference: its SQL alone",
        {"p50": percentile(times["ours"], 50), "reference_p50": percentile(times["alone"], 50), "recall_at_10": right,
         f"of_{large}": {"p95": percentile(in_big["ours"], 95), "recall_at_10": right_in_big},
         "goes_to_ms": _goes_to(medians(times))},
    )  # fmt: skip


def _filled(bare: Bare, rng: np.random.Generator, n: int) -> tuple[Project, np.ndarray]:
    project, vectors = make_project(), unit_vectors(rng, n)
    add_vectors(bare, project, list(range(1, n + 1)), [f"Question {i}" for i in range(n)], vectors)
    return project, vectors


def _near(rng: np.random.Generator, vectors: np.ndarray, n: int) -> np.ndarray:
    """[n, DIMENSIONS] float32, each near one of `vectors`."""
    near = vectors[rng.integers(len(vectors), size=n)] + 0.03 * rng.standard_normal((n, vectors.shape[1]))
    return near.astype(np.float32)


def _asked(
    bare: Bare, project: Project, vectors: np.ndarray, questions: np.ndarray
) -> tuple[float, dict[str, list[float]]]:
    """The share of the true nearest that were found, and milliseconds: ours, of the bare SQL, of parts."""
    right, recordings = _recorded(project, vectors, questions)

    def explained(number: int) -> dict[str, float]:
        [one] = recordings[number].statements
        [[plan]] = bare.execute(EXPLAIN + one.sql, one.params).fetchone() or []
        return dict(plan)

    times = in_turns(
        len(questions),
        ours=lambda number: timed(lambda: nearest(project, PROMPT, questions[number], K)),
        alone=lambda number: replay(bare, recordings[number]).ms,
        django=lambda number: _around(lambda: nearest(project, PROMPT, questions[number], K)),
        planning=lambda number: explained(number)["Planning Time"],
        scanning=lambda number: explained(number)["Execution Time"],
    )
    return right, times


def _recorded(project: Project, vectors: np.ndarray, questions: np.ndarray) -> tuple[float, list[Recording]]:
    """The share of the true nearest that were found, and each question's SQL."""
    halves, found, recordings = vectors.astype(np.float16).astype(np.float32), 0, []
    lengths = np.linalg.norm(halves, axis=1)
    for question in questions:
        with recorded() as statements:
            answers = nearest(project, PROMPT, question, K)
        recordings.append(Recording(statements))
        distances = 1 - halves @ question / (lengths * np.linalg.norm(question))
        limit = np.sort(distances)[K - 1] + 1e-6  # what is as near as the tenth is as right
        found += sum(distances[answer.object_id - 1] <= limit for answer in answers)
    return round(found / (K * len(questions)), 4), recordings


def _around(work: Callable[[], Any]) -> float:
    """Milliseconds of `work` without those of its SQL."""
    within: list[float] = []

    def note(execute: Any, *rest: Any) -> Any:
        answers: list[Any] = []
        within.append(timed(lambda: answers.append(execute(*rest))))
        return answers[0]

    with connection.execute_wrapper(note):
        return timed(work) - sum(within)


def _goes_to(one: dict[str, float]) -> dict[str, float]:
    """What Postgres says of itself; bringing it question and answer; Django around the statement."""
    return goes_to(
        one["ours"],
        django=one["django"],
        sending=one["alone"] - one["planning"] - one["scanning"],
        planning=one["planning"],
        scanning=one["scanning"],
    )
