"""The review desk among 100,000 tasks, and the claim among 10,000 and a million, for every order of a queue."""

import json
import os
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.test import Client
from playwright.sync_api import Page, expect, sync_playwright

from annotations.review.actions.claims import claim_next
from annotations.review.models import Claim, Label, Queue
from labelhub.keys.models import Scope
from labelhub.people.models import User
from labelhub.projects.models import Project
from tests.benchmarks.callers import Caller, timed
from tests.benchmarks.claim import DONE, NEXT
from tests.benchmarks.figures import percentile
from tests.benchmarks.replay import Bare, Recording, Statement, bare_connection, recorded, replay
from tests.benchmarks.rows import FIRST_ID, add_interactions, add_tasks
from tests.benchmarks.weight import css_gz_bytes, js_gz_bytes
from tests.factories import PASSWORD, make_key, make_member, make_project, make_queue
from tests.stack import Stack

TASKS, SUBMITS, ITEMS = 100_000, 200, 200
SMALL, LARGE, CLAIMS = 10_000, 1_000_000, 200
REVIEWERS, EACH = 20, 40
PLANS = Path("var/bench/desk_plans.json")
UNSEEN_MS = 16  # below it Chromium's event timing says nothing
UNDO = """
    WITH gone AS (DELETE FROM annotations_labelcategory WHERE label_id = %(label)s),
        label AS (DELETE FROM annotations_label WHERE id = %(label)s),
        next AS (DELETE FROM annotations_claim WHERE task_id = %(next)s),
        task AS (UPDATE annotations_reviewtask SET state = 'open' WHERE id = %(task)s)
    UPDATE annotations_claim SET state = 'held' WHERE task_id = %(task)s
"""
RANKS = {  # as ranking.py leaves them
    Queue.Order.PRIORITY: "priority",
    Queue.Order.OLDEST: "0",
    Queue.Order.UNCERTAIN: "random()",
    Queue.Order.NOVEL: "CASE WHEN random() < 0.1 THEN NULL ELSE random() * 2 END",
    Queue.Order.DISAGREED: "CASE WHEN random() < 0.9 THEN 0 ELSE random() END",
}
WATCH = """
window.seen = {};
new PerformanceObserver((list) => {
  for (const { interactionId, duration } of list.getEntries())
    if (interactionId) seen[interactionId] = Math.max(seen[interactionId] || 0, duration);
}).observe({ type: "event", durationThreshold: 16, buffered: true });
"""


def desk(site: Stack) -> dict[str, Any]:
    """What docs/benchmarks.md names."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright keeps an event loop in this thread
    with site.database(), bare_connection(site.database_url) as bare:
        project = make_project()
        interactions = add_interactions(bare, project, LARGE)
        queue = make_queue(project, slug="desk", name="Desk", calibration_every=0)
        add_tasks(bare, queue, interactions[:TASKS])
        bare.execute("VACUUM ANALYZE annotations_reviewtask, annotations_interaction")
        figures = submitting(bare, queue)
        figures["inp_ms_p95"] = inp(site, queue)
        figures |= {"js_gz_bytes": js_gz_bytes(), "css_gz_bytes": css_gz_bytes()}
        figures |= at_once(site, bare, queue)
        figures |= claiming(bare, project, interactions)
    return figures


def submitting(bare: Bare, queue: Queue) -> dict[str, Any]:
    """Submit-and-next as htmx asks for it, in this process, and its SQL alone, in turns on the same rows."""
    expert, client = make_member(queue.project), Client(SERVER_NAME="127.0.0.1")
    client.force_login(expert)
    address = f"/p/{queue.project.slug}/q/{queue.slug}/claim/"
    client.post(address, HTTP_HX_REQUEST="true")
    # A label's id is told from every other number in a statement, so that the replay can put its own in.
    bare.execute("SELECT setval(pg_get_serial_sequence('annotations_label', 'id'), %s)", [FIRST_ID])
    ours, alone, counts = [], [], Counter[int]()
    for number in range(SUBMITS):
        held = Claim.objects.held().get(by=expert)
        with recorded() as statements:
            ms = timed(lambda: submit(client, held))  # noqa: B023
        asked = list(statements)
        label = Label.objects.filter(author=expert).latest("pk")
        after = Claim.objects.held().get(by=expert)
        bare.execute(UNDO, {"label": label.pk, "task": held.task_id, "next": after.task_id})
        sql = replay(bare, Recording(asked, label.pk), learn='INSERT INTO "annotations_label"').ms
        if number >= 10:  # views are put together, caches filled
            ours.append(ms)
            alone.append(sql)
            counts[queries(asked)] += 1
    return {
        "queries_per_submit": max(counts),
        "queries_were_constant": len(counts) == 1,
        "submit_next_ms": {"p50": percentile(ours, 50), "p95": percentile(ours, 95)},
        "submit_next_sql_ms": {"p50": percentile(alone, 50), "p95": percentile(alone, 95)},
        "submit_next_vs_sql": round(percentile(ours, 50) / percentile(alone, 50), 2),
    }


def submit(client: Client, held: Claim) -> None:
    form = {"fence": held.fence, "version": 0, "category": "too-vague", "severity-too-vague": "2", "comments": "[]"}
    address = f"/p/{held.task.project.slug}/tasks/{held.task_id}/label/"
    answer = client.post(address, form, HTTP_HX_REQUEST="true")
    assert b"to judge" in answer.content, answer.status_code


def queries(statements: list[Statement]) -> int:
    return sum(not one.sql.startswith(("SAVEPOINT", "RELEASE")) for one in statements)


def inp(site: Stack, queue: Queue) -> float:
    """p95 of Chromium's interactions while ITEMS answers are judged by keyboard."""
    expert = make_member(queue.project)
    expert.set_password(PASSWORD)
    expert.save()
    with page_of(site, expert) as page:
        page.goto(f"{site.web}/p/{queue.project.slug}/q/{queue.slug}/")
        page.keyboard.press("Control+Enter")
        pressed = 0
        for _ in range(ITEMS):
            expect(page.locator("#output")).to_be_visible()
            item = page.locator("#item").text_content() or ""
            for key in ("2", "+", "Control+Enter"):
                page.keyboard.press(key)
                pressed += 1
            expect(page.locator("#item")).not_to_have_text(item)
        seen: list[float] = list(page.evaluate("Object.values(seen)"))
    return percentile(seen + [UNSEEN_MS] * max(0, pressed - len(seen)), 95)


@contextmanager
def page_of(site: Stack, person: User) -> Iterator[Page]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        page = browser.new_page()
        page.add_init_script(WATCH)
        page.goto(f"{site.web}/accounts/login/")
        page.fill("input[name=login]", person.email)
        page.fill("input[name=password]", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{site.web}/")
        yield page
        browser.close()


def at_once(site: Stack, bare: Bare, queue: Queue) -> dict[str, Any]:
    """Claims over HTTP by REVIEWERS at once, each done as soon as it is taken."""
    keys = [make_key(queue.project, Scope.LABEL, person=make_member(queue.project)) for _ in range(REVIEWERS)]
    path, took, guard = f"/api/v1/queues/{queue.slug}/claim/", list[int](), threading.Lock()

    def work(key: str) -> None:
        caller = Caller(site.web, key)
        for _ in range(EACH):
            task = caller.post(path)["task"]
            with guard:
                took.append(task)
                bare.execute(DONE, {"task": task})

    threads = [threading.Thread(target=work, args=[key]) for key in keys]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    return {"claims_per_s": round(len(took) / seconds, 1), "double_claims": len(took) - len(set(took))}


def claiming(bare: Bare, project: Project, interactions: list[int]) -> dict[str, Any]:
    """p99 of the claim in this process, for every order, in a queue of SMALL and in one of LARGE; and its plans."""
    p99: dict[str, dict[str, float]] = {}
    plans: dict[str, dict[str, list[str]]] = {}
    for name, size in (("10k", SMALL), ("1M", LARGE)):
        queue, expert = make_queue(project, calibration_every=0), make_member(project)
        add_tasks(bare, queue, interactions[:size])
        p99[name], plans[name] = {}, {}
        for order, rank in RANKS.items():
            Queue.objects.filter(pk=queue.pk).update(order=order)
            if order != Queue.Order.PRIORITY:
                bare.execute(f"UPDATE annotations_reviewtask SET rank = {rank} WHERE queue_id = %s", [queue.pk])
            bare.execute("VACUUM ANALYZE annotations_reviewtask")
            p99[name][order] = percentile([claimed(bare, queue, expert) for _ in range(10 + CLAIMS)][10:], 99)
            plans[name][order] = plan(bare, queue, expert)
    PLANS.parent.mkdir(parents=True, exist_ok=True)
    PLANS.write_text(json.dumps(plans, indent=1) + "\n")
    worst = {name: max(of.values()) for name, of in p99.items()}
    return {
        "claim_p99_ms": worst, "claim_p99_ratio": round(worst["1M"] / worst["10k"], 2),
        "claim_p99_ms_by_order": p99, "claim_p99_ratio_by_order": {
            order: round(p99["1M"][order] / p99["10k"][order], 2) for order in RANKS
        },
    }  # fmt: skip


def claimed(bare: Bare, queue: Queue, expert: User) -> float:
    """Milliseconds of one claim, whose task is then done."""
    took: list[int] = []
    ms = timed(lambda: took.append(taken(queue, expert)))
    bare.execute(DONE, {"task": took[0]})
    return ms


def taken(queue: Queue, expert: User) -> int:
    held = claim_next(queue, by=expert)
    assert held
    return held.task_id


def plan(bare: Bare, queue: Queue, expert: User) -> list[str]:
    """Of the statement that finds the next task, with what it touched."""
    with recorded() as statements:
        task = taken(queue, expert)
    bare.execute(DONE, {"task": task})
    search = [one for one in statements if NEXT in one.sql][-1]
    return [line for (line,) in bare.execute(f"EXPLAIN (ANALYZE, BUFFERS) {search.sql}", search.params).fetchall()]
