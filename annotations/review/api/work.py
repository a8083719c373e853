"""Queues over HTTP: made, filled, given out, and the next task of one."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from annotations.capture.models import Interaction
from annotations.review.actions.assignments import assign
from annotations.review.actions.bulk import MOST, judge_all
from annotations.review.actions.claims import claim_next
from annotations.review.actions.pairs import Pair, add_pairs
from annotations.review.actions.queues import create_queue
from annotations.review.actions.work import Work, add_tasks, draw_at_random
from annotations.review.bodies import (
    ANYTHING,
    ASSIGNMENT,
    BULK,
    PAIRS,
    QUEUE,
    queue_body,
    task_body,
)
from annotations.review.lookup import queue_of
from annotations.review.models import Candidate, Queue
from annotations.review.payload import choice_of, list_of, share_of, text_of, texts_of, truth_of, whole_number_of
from annotations.review.progress import progress
from labelhub.body import object_of
from labelhub.errors import Invalid, ensure
from labelhub.keys.authentication import Caller, api
from labelhub.keys.models import Scope
from labelhub.people.models import User
from labelhub.projects.rights import Right

PUT_AT_ONCE = 1_000


@extend_schema(methods=["GET"], responses={200: ANYTHING})
@extend_schema(methods=["POST"], request={"application/json": QUEUE}, responses={201: ANYTHING})
@api("GET", "POST", scope=Scope.LABEL, right=Right.LABEL)
def queues(request: Request, caller: Caller) -> Response:
    """The queues that one works in; POST makes one (moderators)."""
    if request.method == "POST":
        caller.ensure(Right.CURATE)
        return Response(queue_body(_new_queue(caller, object_of(request))), status=201)
    mine = Queue.objects.visible_to(caller.user).filter(project=caller.project).order_by("name")
    return Response({"items": [{"slug": q.slug, "name": q.name, **progress(q, caller.user)} for q in mine]})


def _new_queue(caller: Caller, body: dict[str, Any]) -> Queue:
    slug, reviewers = text_of(body, "slug", limit=60), _people(caller, body, "reviewers")
    return create_queue(
        caller.project, slug=slug, name=text_of(body, "name", limit=120) or slug, by=caller.user,
        mode=choice_of(body, "mode", Queue.Mode.values) or Queue.Mode.CORRECTION,
        instructions=text_of(body, "instructions"), overlap=whole_number_of(body, "overlap", default=1),
        lease_minutes=whole_number_of(body, "lease_minutes", default=15), reviewers=reviewers,
        order=choice_of(body, "order", Queue.Order.values) or Queue.Order.PRIORITY,
        assignment=choice_of(body, "assignment", Queue.Assignment.values) or Queue.Assignment.PULL,
        random_tenth=truth_of(body, "random_tenth", default=True),
        calibration_every=whole_number_of(body, "calibration_every", default=20),
        calibration_feedback=truth_of(body, "calibration_feedback", default=True),
        suggests=truth_of(body, "suggests", default=False),
        approve_which=choice_of(body, "approve_which", Queue.Which.values) or Queue.Which.EVERY,
        approve_share=share_of(body, "approve_share", default=0.1),
        approve_twice=choice_of(body, "approve_twice", Queue.Twice.values) or Queue.Twice.NEVER,
        threads_block=truth_of(body, "threads_block", default=False),
    )  # fmt: skip


def _people(caller: Caller, body: dict[str, Any], field: str) -> list[User]:
    """Members that the body names by e-mail address. Raises Invalid for unknown ones."""
    emails = {email.lower() for email in texts_of(body, field)}
    people = list(User.objects.filter(membership__project=caller.project, email__in=emails))
    missing = sorted(emails - {user.email for user in people})
    ensure(not missing, Invalid(f"Nobody of this project: {', '.join(missing[:10])[:200]}.", field=field))
    return people


@extend_schema(request={"application/json": ANYTHING}, responses={201: ANYTHING})
@api("POST", scope=Scope.APPROVE, right=Right.TRIAGE)
def queue_tasks(request: Request, caller: Caller, slug: str) -> Response:
    """Put work into a queue: {"interactions": [external ids], "reason": "…"} or {"random": n}."""
    body, queue = object_of(request), queue_of(caller.project, caller.user, slug)
    if "random" in body:
        added = draw_at_random(queue, by=caller.user, number=whole_number_of(body, "random"))
    else:
        reason = text_of(body, "reason", limit=300) or "put in by hand"
        added = add_tasks(queue, [Work(pk, reason) for pk in _named(caller, body)], by=caller.user)
    return Response({"added": added}, status=201)


def _named(caller: Caller, body: dict[str, Any]) -> list[int]:
    """The ids of the interactions that the body names by external id. Raises Invalid for unknown ones."""
    names = texts_of(body, "interactions")
    ensure(names and len(names) <= PUT_AT_ONCE, Invalid("interactions must be a list of 1 to 1,000 external ids."))
    known = dict(
        Interaction.objects.filter(project=caller.project, external_id__in=names)
        .order_by("pk").values_list("external_id", "pk")
    )  # fmt: skip
    missing = sorted(set(names) - set(known))
    ensure(not missing, Invalid(f"Unknown interactions: {', '.join(missing[:10])}.", field="interactions"))
    return list(known.values())


@extend_schema(request={"application/json": PAIRS}, responses={201: ANYTHING})
@api("POST", scope=Scope.APPROVE, right=Right.TRIAGE)
def queue_pairs(request: Request, caller: Caller, slug: str) -> Response:
    """Put pairs into a queue that judges pairs: each an interaction, and what could have been answered instead."""
    body, queue = object_of(request), queue_of(caller.project, caller.user, slug)
    reason = text_of(body, "reason", limit=300)
    return Response({"added": add_pairs(queue, _pairs(caller, body), by=caller.user, reason=reason)}, status=201)


def _pairs(caller: Caller, body: dict[str, Any]) -> list[Pair]:
    items = list_of(body, "pairs")
    fits = 0 < len(items) <= PUT_AT_ONCE and all(isinstance(item, dict) for item in items)
    ensure(fits, Invalid(f"pairs must be a list of 1 to {PUT_AT_ONCE:,} objects.", field="pairs"))
    names = [text_of(item, "interaction", limit=255, at=f"pairs[{i}].") for i, item in enumerate(items)]
    rows = Interaction.objects.filter(project=caller.project, external_id__in=names)
    known = {name: (pk, output) for name, pk, output in rows.values_list("external_id", "pk", "output")}
    missing = sorted(set(names) - set(known))
    ensure(not missing, Invalid(f"Unknown interactions: {', '.join(missing[:10])[:400]}.", field="pairs"))
    return [
        Pair(
            *known[name], text_of(item, "text", at=f"pairs[{i}]."),
            text_of(item, "version", limit=200, at=f"pairs[{i}]."),
            choice_of(item, "origin", Candidate.Origin.values) or Candidate.Origin.MODEL,
        )
        for i, (name, item) in enumerate(zip(names, items, strict=True))
    ]  # fmt: skip


@extend_schema(request={"application/json": ASSIGNMENT}, responses={200: ANYTHING})
@api("PUT", scope=Scope.APPROVE, right=Right.TRIAGE)
def queue_assignments(request: Request, caller: Caller, slug: str) -> Response:
    """Give open tasks to people: {"tasks": [ids], "to": ["anna@example.org"]}; to nobody: to everybody again."""
    body, queue = object_of(request), queue_of(caller.project, caller.user, slug)
    tasks, people = _task_ids(body, most=PUT_AT_ONCE), _people(caller, body, "to")
    return Response({"moved": assign(queue, tasks, to=people, by=caller.user)})


@extend_schema(request={"application/json": BULK}, responses={201: ANYTHING})
@api("POST", scope=Scope.LABEL, right=Right.TRIAGE)
def queue_labels(request: Request, caller: Caller, slug: str) -> Response:
    """The same judgement of many open tasks: {"tasks": [ids], "judgement": {...}}; what others hold is left alone."""
    caller.ensure(Right.TRIAGE)
    body, queue = object_of(request), queue_of(caller.project, caller.user, slug)
    tasks = _task_ids(body, most=MOST)
    outcome = judge_all(queue, tasks, by=caller.user, payload=body.get("judgement", {}))
    return Response({"labels": [label.pk for label in outcome.labels], "left_alone": outcome.refused}, status=201)


def _task_ids(body: dict[str, Any], *, most: int) -> list[int]:
    """The ids under "tasks". Raises Invalid."""
    tasks = list_of(body, "tasks")
    numbers = all(isinstance(pk, int) and not isinstance(pk, bool) and 0 < pk < 2**63 for pk in tasks)
    fits = bool(tasks) and len(tasks) <= most and numbers
    ensure(fits, Invalid(f"tasks must be a list of 1 to {most:,} task ids.", field="tasks"))
    return tasks


@extend_schema(request=None, responses={200: ANYTHING, 204: None})
@api("POST", scope=Scope.LABEL, right=Right.LABEL)
def claim_in_queue(request: Request, caller: Caller, slug: str) -> Response:
    """The next task, leased to the caller; 204 when nothing is left for them."""
    claim = claim_next(queue_of(caller.project, caller.user, slug), by=caller.user)
    return Response(task_body(claim)) if claim else Response(status=204)
