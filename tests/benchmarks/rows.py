"""Many rows at once, by SQL: benchmarks ask what happens when the tables are full."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import psycopg
from pgvector import HalfVector
from pgvector.psycopg import register_vector

from annotations.recall.actions import PROMPT, current_set, text_sha256
from annotations.recall.models import DIMENSIONS
from annotations.review.models import Queue
from labelhub.people.models import User
from labelhub.projects.models import Project
from tests.benchmarks.replay import Bare

FIRST_ID = 10_000_000  # ids that are no other number of the recorded SQL
INTERACTIONS = """
    INSERT INTO annotations_interaction (project_id, session_id, external_id, body_sha256, occurred_at, system_context,
        turns, prompt, output, documents, model_version, prompt_version, environment, user_role, metadata, text_escaped,
        clock_odd)
    SELECT %(project)s, %(session)s, %(name)s || n, repeat('0', 64), now(), '', '[]',
        coalesce((%(prompts)s::text[])[n], 'Question ' || n), 'Answer ' || n, '[]', 'starter', '', '', '', '{}', false,
        false
    FROM generate_series(1, %(n)s) AS n RETURNING id
"""
SESSION = "INSERT INTO annotations_session (project_id, external_id) VALUES (%s, %s) RETURNING id"
TASKS = """
    INSERT INTO annotations_reviewtask (project_id, queue_id, interaction_id, state, priority, rank, reason, sensitive,
        random_slice, reserved, calibration)
    SELECT %s, %s, id, %s, id %% 5, id %% 5, '', false, false, false, false FROM unnest(%s::bigint[]) AS id RETURNING id
"""
BEGIN_AT = """
    SELECT setval(pg_get_serial_sequence('annotations_reviewtask', 'id'), greatest(%s, last_value))
    FROM annotations_reviewtask_id_seq
"""
LABELS = """
    INSERT INTO annotations_label (project_id, task_id, author_id, verdict, root_cause, rewrite, confidence, note,
        active_seconds, taxonomy_id, guidelines_id)
    SELECT %s, t.id, %s, 'flawed', '', t.rewrite, '', '', 1, %s, %s
    FROM unnest(%s::bigint[], %s::text[]) AS t(id, rewrite) RETURNING id
"""
APPROVALS = """
    INSERT INTO annotations_approval (project_id, label_id, interaction_id, by_id, note)
    SELECT l.project_id, l.id, t.interaction_id, %s, '' FROM annotations_label l
    JOIN annotations_reviewtask t ON t.id = l.task_id WHERE l.id = ANY(%s)
"""
EMBEDDINGS = """
    COPY annotations_embedding (encoder_set_id, project_id, kind, object_id, text, text_sha256, vector) FROM STDIN
    WITH (FORMAT BINARY)
"""
_names = itertools.count(1)


def add_interactions(bare: Bare, project: Project, n: int, prompts: Sequence[str] = ()) -> list[int]:
    """Their ids; those after the last of `prompts` ask nothing in particular."""
    name = f"bench-{next(_names)}-"
    session = _column(bare.execute(SESSION, [project.pk, name]))[0]
    values = {"project": project.pk, "session": session, "name": name, "prompts": list(prompts), "n": n}
    return _column(bare.execute(INTERACTIONS, values))


def add_tasks(bare: Bare, queue: Queue, interactions: list[int], state: str = "open") -> list[int]:
    bare.execute(BEGIN_AT, [FIRST_ID])
    return _column(bare.execute(TASKS, [queue.project_id, queue.pk, state, interactions]))


def add_corrections(
    bare: Bare, queue: Queue, interactions: list[int], rewrites: list[str], author: User, by: User
) -> None:
    """An approved correction for each interaction."""
    project = queue.project
    tasks = add_tasks(bare, queue, interactions, state="approved")
    versions = [author.pk, project.taxonomy.pk, project.guidelines.pk]
    labels = _column(bare.execute(LABELS, [project.pk, *versions, tasks, rewrites]))
    bare.execute(APPROVALS, [by.pk, labels])


def add_vectors(bare: Bare, project: Project, interactions: list[int], texts: list[str], vectors: np.ndarray) -> None:
    """Vectors [n, DIMENSIONS] of the prompts of `interactions`."""
    register_vector(bare)
    encoder_set = current_set().pk
    with bare.cursor().copy(EMBEDDINGS) as copy:
        copy.set_types(["int8", "int8", "varchar", "int8", "text", "varchar", "halfvec"])
        for object_id, text, vector in zip(interactions, texts, vectors, strict=True):
            row = (encoder_set, project.pk, PROMPT, object_id, text, text_sha256(text), HalfVector(vector))
            copy.write_row(row)
    bare.execute("ANALYZE annotations_embedding")


def unit_vectors(rng: np.random.Generator, n: int) -> np.ndarray:
    """[n, DIMENSIONS] float32, in clusters as texts are: random directions alone are all equally far apart."""
    centres = rng.standard_normal((max(1, n // 50), DIMENSIONS))
    points = centres[rng.integers(len(centres), size=n)] + 0.7 * rng.standard_normal((n, DIMENSIONS))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


def _column(cursor: "psycopg.Cursor[Any]") -> list[int]:
    return [value for (value,) in cursor.fetchall()]
