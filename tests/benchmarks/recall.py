"""Who is near whom, exactly, within one project among others."""

from typing import Any

import numpy as np

from annotations.recall.actions import PROMPT
from annotations.recall.nearest import nearest
from labelhub.projects.models import Project
from tests.benchmarks.callers import timed
from tests.benchmarks.figures import Figure, percentile
from tests.benchmarks.replay import bare_connection, recorded, replay
from tests.benchmarks.rows import Bare, add_vectors, unit_vectors
from tests.factories import make_project
from tests.stack import Stack

K, QUESTIONS = 10, 200


def recall(site: Stack, *, seed: int, of_each: int = 5_000, projects: int = 10, large: int = 50_000) -> Figure:
    """p95 of the ten nearest of `of_each` prompts, with as many in every other project and one larger one."""
    rng = np.random.default_rng(seed)
    with site.database(), bare_connection(site.database_url) as bare:
        first, *_, big = [_filled(bare, rng, size) for size in [of_each] * projects + [large]]
        ours, alone, right = _asked(bare, rng, *first, n=QUESTIONS)
        in_big, _, right_in_big = _asked(bare, rng, *big, n=QUESTIONS // 4)
    return Figure(
        percentile(ours, 95), "ms p95", percentile(alone, 95), len(ours),
        f"the {K} nearest of {of_each:,} vectors of a project, exact; reference: its SQL alone",
        {"p50": percentile(ours, 50), "recall_at_10": right,
         f"of_{large}": {"p95": percentile(in_big, 95), "recall_at_10": right_in_big}},
    )  # fmt: skip


def _filled(bare: Bare, rng: np.random.Generator, n: int) -> tuple[Project, np.ndarray]:
    project, vectors = make_project(), unit_vectors(rng, n)
    add_vectors(bare, project, list(range(1, n + 1)), [f"Question {i}" for i in range(n)], vectors)
    return project, vectors


def _asked(
    bare: Bare, rng: np.random.Generator, project: Project, vectors: np.ndarray, *, n: int
) -> tuple[list[float], list[float], float]:
    """(milliseconds of ours, of the bare SQL, share of the true nearest that were found)."""
    near = vectors[rng.integers(len(vectors), size=n)] + 0.03 * rng.standard_normal((n, vectors.shape[1]))
    ours, alone, found = [], [], 0
    for question in near.astype(np.float32):
        answers: list[Any] = []
        with recorded() as statements:
            ours.append(timed(lambda q=question, a=answers: a.extend(nearest(project, PROMPT, q, K))))
        alone.append(timed(lambda s=statements: replay(bare, s)))
        halves = vectors.astype(np.float16).astype(np.float32)
        distances = 1 - halves @ question / (np.linalg.norm(halves, axis=1) * np.linalg.norm(question))
        limit = np.sort(distances)[K - 1] + 1e-6  # what is as near as the tenth is as right
        found += sum(distances[answer.object_id - 1] <= limit for answer in answers)
    return ours, alone, round(found / (K * n), 4)
