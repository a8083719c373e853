"""The next task is found by an index, whatever the order of the queue: nothing is sorted, few rows are looked at."""

import json
from typing import Any

import pytest
from django.db import connection

from annotations.review.actions.claims import claim_next
from annotations.review.models import Queue
from tests.benchmarks.replay import recorded
from tests.factories import make_interaction, make_member, make_project, make_queue, make_task

pytestmark = [pytest.mark.django_db, pytest.mark.bar("F3")]
TASKS, LOOKED_AT = 5_000, 60
FILL = """
    INSERT INTO annotations_interaction (project_id, session_id, external_id, body_sha256, occurred_at, system_context,
        turns, prompt, output, documents, model_version, prompt_version, environment, user_role, metadata, text_escaped,
        clock_odd)
    SELECT project_id, session_id, 'more-' || n, body_sha256, occurred_at, '', '[]', 'Question ' || n, output, '[]', '', '',
        '', '', '{}', false, false
    FROM annotations_interaction, generate_series(1, %s) AS n;
    INSERT INTO annotations_reviewtask (project_id, queue_id, interaction_id, state, priority, rank, reason, sensitive,
        random_slice, reserved, calibration)
    SELECT project_id, %s, id, 'open', id %% 5, {rank}, '', false, id %% 10 = 0, false, false
    FROM annotations_interaction WHERE external_id LIKE 'more-%%'
"""
RANKS = {"priority": "id % 5", "oldest": "0", "uncertain": "random()", "novel": "NULLIF(random(), 0)", "disagreed": "0"}


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for below in plan.get("Plans", []) for node in nodes(below))]


@pytest.mark.parametrize("order", Queue.Order.values)
def test_the_next_of_thousands_is_found_without_sorting_them(order: str) -> None:
    queue = make_queue(make_project(), order=order)
    make_task(queue, make_interaction(queue.project))
    with connection.cursor() as cursor:
        cursor.execute(FILL.replace("{rank}", RANKS[order].replace("%", "%%")), [TASKS, queue.pk])
        cursor.execute("ANALYZE annotations_reviewtask, annotations_interaction, annotations_claim")
    for _ in range(12):  # the tenth is one that was drawn
        person = make_member(queue.project)
        with recorded() as statements:
            claim_next(queue, by=person)
        [search] = [one for one in statements if "SKIP LOCKED" in one.sql and "annotations_reviewtask" in one.sql][-1:]
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {search.sql}", search.params)
            ((plan,),) = cursor.fetchall()
        found = nodes((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"])
        assert not [node for node in found if "Sort" in node["Node Type"]]
        looked_at = sum(
            node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
            for node in found if node.get("Relation Name") == "annotations_reviewtask"
        )  # fmt: skip
        assert looked_at <= LOOKED_AT, found
