"""Taking in interactions and feedback: one statement a table and batch, durable when it returns.

The same external id with the same body replays the first answer; with another body it is a conflict and nothing is
changed.
"""

import json
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from annotations.capture.models import Feedback, Interaction
from annotations.capture.payloads import FeedbackRow, InteractionRow, feedback_row, interaction_row
from labelhub import jobs
from labelhub.body import stored_text
from labelhub.errors import Invalid
from labelhub.projects.models import Project


@dataclass(frozen=True)
class Outcome:
    """What became of one item: created, replayed, conflict, or invalid."""

    status: str
    external_id: str | None
    id: int | None = None
    error: str = ""

    @property
    def fine(self) -> bool:
        return self.status in {"created", "replayed"}


def ingest_interactions(project: Project, items: list[Any], *, wake: bool = True) -> list[Outcome]:
    """Store what is valid; an outcome per item, in order. Without `wake` that is left to the end of a transaction that
    stays open: everybody else who ingests waits for the first who wakes a follower."""
    now = timezone.now()
    parsed = [_parse(lambda i: interaction_row(i, now), item) for item in items]
    rows = {row.external_id: row for row in reversed(parsed) if isinstance(row, InteractionRow)}
    if not rows:
        return _outcomes(parsed, {}, set())
    with transaction.atomic(), _pipelined(), connection.cursor() as linked:
        new = _insert_interactions(project, rows)
        linked.execute(LINK_PARKED, [project.pk, sorted(rows)])
        if wake:
            jobs.wake("captured", project)
        created = {external_id: (id_, sha) for id_, external_id, sha in new.fetchall()}
        _insert_raw(project, rows, created)
        if wake and linked.rowcount:
            jobs.wake("reacted", project)
        known = created | _bodies(Interaction, project, rows.keys() - created)
    return _outcomes(parsed, known, set(created))


def ingest_feedback(project: Project, items: list[Any], *, wake: bool = True) -> list[Outcome]:
    """Store what is valid; feedback about something not seen yet is parked and linked when that arrives.

    `wake` as for interactions.
    """
    now = timezone.now()
    parsed = [_parse(lambda i: feedback_row(i, now), item) for item in items]
    rows = {row.external_id: row for row in reversed(parsed) if isinstance(row, FeedbackRow)}
    if not rows:
        return _outcomes(parsed, {}, set())
    with transaction.atomic(), _pipelined():
        new = _insert_feedback(project, rows)
        if wake:
            jobs.wake("reacted", project)
        created = {external_id: (id_, sha) for id_, external_id, sha in new.fetchall()}
        known = created | _bodies(Feedback, project, rows.keys() - created)
    return _outcomes(parsed, known, set(created))


def _pipelined() -> AbstractContextManager[Any]:
    """Inside, statements do not wait for the answer to the one before: two round trips a request instead of ten."""
    pipeline: AbstractContextManager[Any] = connection.connection.pipeline()
    return pipeline


def _parse(read: Any, item: Any) -> Any:
    try:
        return read(item)
    except Invalid as refusal:
        sent = item.get("external_id") if isinstance(item, dict) else None
        return Outcome("invalid", stored_text(sent[:255])[0] if isinstance(sent, str) else None, error=refusal.detail)


def _outcomes(parsed: list[Any], known: dict[str, tuple[int, str]], created: set[str]) -> list[Outcome]:
    outcomes = []
    for row in parsed:
        if isinstance(row, Outcome):
            outcomes.append(row)
            continue
        id_, sha = known[row.external_id]
        if sha != row.body_sha256:
            error = f"{row.external_id!r} was sent before with another body. What was stored first stays."
            outcomes.append(Outcome("conflict", row.external_id, id_, error))
        else:
            outcomes.append(Outcome("created" if row.external_id in created else "replayed", row.external_id, id_))
            created.discard(row.external_id)  # twice in one batch: the second is a replay
    return outcomes


# Parked signs are indexed by project, not by session. So ingest looks at so few for the sessions that it makes, and the
# follow-up, for which nobody waits, at all of them (`link_parked`). "<=" and the order, which change nothing, keep the
# planner to that index: it guesses that much is parked and would rather read all feedback of the project.
PARKED_LOOKED_AT = 200
INSERT_SESSIONS = """
    WITH new AS (
        INSERT INTO annotations_session (project_id, external_id)
        SELECT %(project)s, x FROM unnest(%(sessions)s::text[]) AS x ORDER BY x
        ON CONFLICT (project_id, external_id) DO NOTHING RETURNING id, external_id
    ), parked AS (
        SELECT id, about_session FROM annotations_feedback
        WHERE project_id = %(project)s AND interaction_id IS NULL AND session_id IS NULL AND about_interaction <= ''
        ORDER BY about_interaction LIMIT %(looked_at)s
    )
    UPDATE annotations_feedback f SET session_id = new.id
    FROM new JOIN parked ON parked.about_session = new.external_id WHERE f.id = parked.id
"""
INSERT_INTERACTIONS = """
    INSERT INTO annotations_interaction (project_id, session_id, external_id, body_sha256, occurred_at, system_context,
        turns, prompt, output, documents, model_version, prompt_version, environment, user_role, confidence,
        mean_logprob, duration_ms, metadata, text_escaped, clock_odd)
    SELECT %s, (SELECT s.id FROM annotations_session s WHERE s.project_id = %s AND s.external_id = r.session),
        r.external_id, r.body_sha256, r.occurred_at, r.system_context, r.turns, r.prompt, r.output,
        r.documents, r.model_version, r.prompt_version, r.environment, r.user_role, r.confidence, r.mean_logprob,
        r.duration_ms, r.metadata, r.text_escaped, r.clock_odd
    FROM jsonb_to_recordset(%s::jsonb) AS r(external_id text, session text, body_sha256 text, occurred_at timestamptz,
        system_context text, turns jsonb, prompt text, output text, documents jsonb, model_version text,
        prompt_version text, environment text, user_role text, confidence float, mean_logprob float, duration_ms float,
        metadata jsonb, text_escaped bool, clock_odd bool)
    ORDER BY r.external_id
    ON CONFLICT (project_id, external_id) DO NOTHING RETURNING id, external_id, body_sha256
"""
INSERT_RAW = """
    INSERT INTO annotations_rawpayload (received_at, interaction_id, project_id, body)
    SELECT now(), r.interaction_id, %s, r.body
    FROM jsonb_to_recordset(%s::jsonb) AS r(interaction_id bigint, body jsonb)
"""
LINK_PARKED = """
    UPDATE annotations_feedback f SET interaction_id = i.id, session_id = i.session_id
    FROM annotations_interaction i
    WHERE f.project_id = %s AND f.interaction_id IS NULL AND f.session_id IS NULL AND f.about_interaction = ANY(%s)
      AND i.project_id = f.project_id AND i.external_id = f.about_interaction
"""
LINK_ALL_PARKED = """
    UPDATE annotations_feedback f SET interaction_id = i.id, session_id = i.session_id
    FROM annotations_interaction i
    WHERE f.project_id = %s AND f.interaction_id IS NULL AND f.session_id IS NULL AND f.about_interaction <> ''
      AND i.project_id = f.project_id AND i.external_id = f.about_interaction
"""
LINK_PARKED_TO_SESSIONS = """
    UPDATE annotations_feedback f SET session_id = s.id FROM annotations_session s
    WHERE f.project_id = %s AND f.interaction_id IS NULL AND f.session_id IS NULL AND f.about_interaction = ''
      AND s.project_id = f.project_id AND s.external_id = f.about_session AND (%s::bigint[] IS NULL OR s.id = ANY(%s))
"""
INSERT_FEEDBACK = """
    INSERT INTO annotations_feedback (project_id, external_id, body_sha256, interaction_id, session_id,
        about_interaction, about_session, kind, value, text, end_user, occurred_at)
    SELECT %s, r.external_id, r.body_sha256, i.id, coalesce(i.session_id, s.id), r.interaction, r.session, r.kind,
        r.value, r.text, r.end_user, r.occurred_at
    FROM jsonb_to_recordset(%s::jsonb) AS r(external_id text, body_sha256 text, interaction text, session text,
        kind text, value float, text text, end_user text, occurred_at timestamptz)
    LEFT JOIN LATERAL (
        SELECT id, session_id FROM annotations_interaction
        WHERE project_id = %s AND external_id = r.interaction AND r.interaction <> '' OFFSET 0
    ) i ON true
    LEFT JOIN LATERAL (
        SELECT id FROM annotations_session
        WHERE project_id = %s AND external_id = r.session AND r.session <> '' AND r.interaction = '' OFFSET 0
    ) s ON true
    ORDER BY r.external_id
    ON CONFLICT (project_id, external_id) DO NOTHING RETURNING id, external_id, body_sha256
"""


def _insert_interactions(project: Project, rows: dict[str, InteractionRow]) -> Any:
    """A cursor that will give (id, external id, sha) of each row that is new."""
    records = [
        {"external_id": r.external_id, "session": r.session, "body_sha256": r.body_sha256,
         "occurred_at": r.occurred_at.isoformat(), **r.columns}
        for r in rows.values()
    ]  # fmt: skip
    with connection.cursor() as cursor:
        sessions = sorted({r.session for r in rows.values()})
        facts: dict[str, Any] = {"project": project.pk, "sessions": sessions, "looked_at": PARKED_LOOKED_AT}
        cursor.execute(INSERT_SESSIONS, facts)
    new = connection.cursor()
    new.execute(INSERT_INTERACTIONS, [project.pk, project.pk, json.dumps(records)])
    return new


def _insert_raw(project: Project, rows: dict[str, InteractionRow], created: dict[str, tuple[int, str]]) -> None:
    raw = [{"interaction_id": id_, "body": rows[name].raw} for name, (id_, _) in created.items() if rows[name].raw]
    if raw:
        with connection.cursor() as cursor:
            cursor.execute(INSERT_RAW, [project.pk, json.dumps(raw)])


def _insert_feedback(project: Project, rows: dict[str, FeedbackRow]) -> Any:
    """A cursor that will give (id, external id, sha) of each row that is new."""
    records = [
        {"external_id": r.external_id, "body_sha256": r.body_sha256, "interaction": r.interaction, "session": r.session,
         **r.columns, "occurred_at": r.columns["occurred_at"].isoformat()}
        for r in rows.values()
    ]  # fmt: skip
    new = connection.cursor()
    new.execute(INSERT_FEEDBACK, [project.pk, json.dumps(records), project.pk, project.pk])
    return new


def link_parked(project: Project, captured: Sequence[Interaction] | None = None) -> None:
    """Link parked feedback whose interaction or session is there by now, all of it or that about what was captured."""
    with connection.cursor() as cursor:
        if captured is None:
            cursor.execute(LINK_ALL_PARKED, [project.pk])
            cursor.execute(LINK_PARKED_TO_SESSIONS, [project.pk, None, None])
        else:
            cursor.execute(LINK_PARKED, [project.pk, [row.external_id for row in captured]])
            sessions = list({row.session_id for row in captured})
            cursor.execute(LINK_PARKED_TO_SESSIONS, [project.pk, sessions, sessions])


def _bodies(
    model: type[Interaction] | type[Feedback], project: Project, external_ids: Collection[str]
) -> dict[str, tuple[int, str]]:
    """External id → (id, sha) as stored. Read after the insert: whoever was first, their row is visible now."""
    if not external_ids:
        return {}
    stored = model.objects.filter(project=project, external_id__in=list(external_ids))
    return {external_id: (pk, sha) for external_id, pk, sha in stored.values_list("external_id", "pk", "body_sha256")}
