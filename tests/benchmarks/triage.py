"""Moderators among a million answers: how soon a sign of reception stands on the board, and what its pages cost."""

import http.client
import os
import re
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from django.test import Client

from annotations.capture.models import Interaction
from annotations.recall.actions import PROMPT
from annotations.recall.models import Embedding
from annotations.review.reliability import alpha, interval
from annotations.triage.actions.flags import rules_of
from annotations.triage.models import Rule
from labelhub.keys.models import Scope
from labelhub.people.models import User
from labelhub.projects.models import Project
from labelhub.projects.rights import Role
from tests.benchmarks.callers import Caller, timed
from tests.benchmarks.desk import page_of
from tests.benchmarks.figures import percentile
from tests.benchmarks.replay import Bare, Recording, bare_connection, recorded, replay
from tests.benchmarks.rows import add_interactions
from tests.factories import PASSWORD, make_key, make_member, make_project
from tests.stack import Stack

PER_S, SECONDS, OPENED = 20, 30, 5
ANSWERS, SESSIONS, FLAGS, ASKED = 1_000_000, 20_000, 5_000, 40
ON = [
    Rule.Kind.THUMB_DOWN,
    Rule.Kind.LOW_CONFIDENCE,
    Rule.Kind.INSTRUCTIONS,
    Rule.Kind.NAMED_FAULT,
    Rule.Kind.REPHRASED,
]
DECIDE = """
    WITH made AS (
        INSERT INTO annotations_decision (project_id, session_id, kind, by_id, reason)
        SELECT %(project)s, unnest(%(sessions)s::bigint[]), 'dismiss', %(by)s, 'seen' RETURNING id, session_id
    )
    INSERT INTO annotations_decision_flags (decision_id, flag_id)
    SELECT made.id, f.id FROM made JOIN annotations_flag f ON f.session_id = made.session_id
"""
SPREAD = """
    WITH named AS (
        INSERT INTO annotations_session (project_id, external_id)
        SELECT %(project)s, 'spread-' || n FROM generate_series(1, %(sessions)s) AS n RETURNING id
    ), numbered AS (SELECT id, row_number() OVER (ORDER BY id) - 1 AS n FROM named)
    UPDATE annotations_interaction AS one SET session_id = numbered.id FROM numbered
    WHERE one.project_id = %(project)s AND one.id %% %(sessions)s = numbered.n
"""
FLAGGED = """
    INSERT INTO annotations_flag (project_id, session_id, interaction_id, kind, rule_id, severity, evidence, at)
    SELECT %(project)s, session_id, id, 'defect', %(rule)s, 1 + id %% 3, 'thumb down', now() - random() * interval '2 days'
    FROM annotations_interaction WHERE project_id = %(project)s ORDER BY id LIMIT %(flags)s
"""


def triage(site: Stack) -> dict[str, Any]:
    """What docs/benchmarks.md names."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright keeps an event loop in this thread
    with site.database(), bare_connection(site.database_url) as bare:
        figures = to_the_board(site, bare)
        figures |= among_a_million(bare)
        figures["dashboard_ms_p95_1M"] = None  # there is none yet
        return figures | {"alpha_500x3_s": agreement_s()}


def to_the_board(site: Stack, bare: Bare) -> dict[str, Any]:
    """Thumbs at PER_S; from each one's 201 to the first look at the list, every 100 ms, that has its session."""
    project = make_project()
    rules_of(project)
    Rule.objects.filter(project=project).update(active=False)
    Rule.objects.filter(project=project, kind__in=ON).update(active=True)
    moderator, key = _moderator(project), make_key(project, Scope.INGEST, Scope.FEEDBACK)
    caller = Caller(site.web, key)
    number = PER_S * SECONDS + OPENED
    for n in range(number):
        body = {
            "external_id": f"a{n}",
            "session": f"s{n}",
            "messages": [{"role": "user", "content": f"How much is lantern {n}?"}],
            "output": "45 euros.",
        }
        caller.post("/api/v1/interactions/", body)
    _wait_for_vectors(project, number)
    rows = Interaction.objects.filter(project=project).values_list("external_id", "session")
    sessions = {name: str(session) for name, session in rows}
    sent: dict[str, float] = {}
    seen: dict[str, float] = {}
    with page_of(site, moderator) as page:
        cookies = "; ".join(f"{one['name']}={one['value']}" for one in page.context.cookies())  # type: ignore[typeddict-item]
        sending = threading.Thread(target=_send, args=[Caller(site.web, key), sessions, sent])
        sending.start()
        _look(site, project, cookies, sessions, sent, seen, sending, bare, moderator)
        sending.join()
        opened = []
        page.goto(f"{site.web}/p/{project.slug}/triage/")
        for n in range(PER_S * SECONDS, number):
            began = _thumb(Caller(site.web, key), n)  # the server closes a line that nobody uses
            page.wait_for_selector(f"#session-{sessions[f'a{n}']}", timeout=30_000)
            opened.append(time.perf_counter() - began)
    waited = [seen[session] - at for session, at in sent.items()]
    return {
        "feedback_to_board_s_p95": percentile(waited, 95), "feedback_to_board_s_p50": percentile(waited, 50),
        "feedback_seen": len(waited), "open_page_s_max": round(max(opened), 2),
    }  # fmt: skip


def _moderator(project: Project) -> User:
    person = make_member(project, Role.MODERATOR)
    person.set_password(PASSWORD)
    person.save()
    return person


def _wait_for_vectors(project: Project, number: int) -> None:
    until = time.monotonic() + 300
    while Embedding.objects.ready().filter(project=project, kind=PROMPT).count() < number:
        assert time.monotonic() < until, "the prompts got no vectors"
        time.sleep(0.5)


def _thumb(caller: Caller, n: int) -> float:
    """When its 201 came."""
    caller.post("/api/v1/feedback/", {"external_id": f"f{n}", "interaction": f"a{n}", "kind": "thumb", "value": -1})
    return time.perf_counter()


def _send(caller: Caller, sessions: dict[str, str], sent: dict[str, float]) -> None:
    began = time.perf_counter()
    for n in range(PER_S * SECONDS):
        time.sleep(max(0.0, began + n / PER_S - time.perf_counter()))
        sent[sessions[f"a{n}"]] = _thumb(caller, n)


def _look(
    site: Stack, project: Project, cookies: str, sessions: dict[str, str], sent: dict[str, float],
    seen: dict[str, float], sending: threading.Thread, bare: Bare, moderator: User,
) -> None:  # fmt: skip
    """Until all that was sent is seen; what is seen is dismissed, as the list has room for fifty."""
    parts = urlsplit(site.web)
    line = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    until = time.monotonic() + SECONDS + 60
    while sending.is_alive() or len(seen) < len(sent):
        assert time.monotonic() < until, f"{len(sent) - len(seen)} are not on the board"
        time.sleep(0.1)
        line.request("GET", f"/p/{project.slug}/triage/rows/", headers={"Cookie": cookies, "HX-Request": "true"})
        text = line.getresponse().read().decode()
        new = [one for one in re.findall(r'id="session-(\d+)"', text) if one not in seen]
        now = time.perf_counter()
        seen |= dict.fromkeys(new, now)
        if new:
            bare.execute(DECIDE, {"project": project.pk, "sessions": [int(one) for one in new], "by": moderator.pk})


def among_a_million(bare: Bare) -> dict[str, Any]:
    """The board and a case in this process, and their SQL alone, with FLAGS open flags among ANSWERS answers."""
    project = make_project()
    add_interactions(bare, project, ANSWERS)
    bare.execute(SPREAD, {"project": project.pk, "sessions": SESSIONS})
    rule = rules_of(project)[0]
    bare.execute(FLAGGED, {"project": project.pk, "rule": rule.pk, "flags": FLAGS})
    bare.execute("VACUUM ANALYZE annotations_interaction, annotations_flag, annotations_session")
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(_moderator(project))
    session = rule.flags.order_by("pk").first()
    assert session
    ours, alone = _pages(bare, client, f"/p/{project.slug}/triage/")
    case, _ = _pages(bare, client, f"/p/{project.slug}/triage/{session.session_id}/")
    cases, _ = _pages(bare, client, f"/p/{project.slug}/cases/")
    return {
        "cases_ms_p95_1M": percentile(cases, 95),
        "board_ms_p95_1M": percentile(ours, 95), "board_vs_sql": round(percentile(ours, 50) / percentile(alone, 50), 2),
        "board_sql_ms_p95_1M": percentile(alone, 95), "case_ms_p95_1M": percentile(case, 95),
    }  # fmt: skip


def _pages(bare: Bare, client: Client, address: str) -> tuple[list[float], list[float]]:
    ours, alone = [], []
    for number in range(ASKED + 3):
        with recorded() as statements:
            ms = timed(lambda: _page(client, address))
        sql = replay(bare, Recording(list(statements))).ms
        if number >= 3:  # views are put together, caches filled
            ours.append(ms)
            alone.append(sql)
    return ours, alone


def _page(client: Client, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 200, answer.status_code


def agreement_s() -> float:
    """Seconds of alpha with its interval, three annotators on 500 items."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 4, 500)
    ratings = np.where(rng.random((3, 500)) < 0.8, truth, rng.integers(0, 4, (3, 500))).astype(float)
    return round(timed(lambda: (alpha(ratings, "ordinal"), interval(ratings, "ordinal"))) / 1000, 3)
