"""Review over HTTP: what the desk and the approval page do, under the same rules."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from annotations.capture.models import Interaction
from annotations.review.actions.approvals import approve, send_back
from annotations.review.actions.assignments import assign
from annotations.review.actions.bulk import MOST, judge_all
from annotations.review.actions.calibration import calibrate_with, shown_result, stop_calibrating
from annotations.review.actions.claims import claim_next, release, skip, snooze
from annotations.review.actions.drafts import save_draft
from annotations.review.actions.labels import revise, submit, withdraw
from annotations.review.actions.pairs import Pair, add_pairs
from annotations.review.actions.queues import create_queue
from annotations.review.actions.threads import reopen, reply, resolve
from annotations.review.actions.work import Work, add_tasks, draw_at_random
from annotations.review.agreement import agreement, reviewers
from annotations.review.bodies import (
    ANYTHING,
    ASSIGNMENT,
    BULK,
    JUDGEMENT,
    PAIRS,
    QUEUE,
    REVISION,
    agreement_body,
    calibration_body,
    label_body,
    queue_body,
    task_body,
)
from annotations.review.lookup import claim_of, comment_of, queue_of, task_of
from annotations.review.models import Candidate, Label, LabelQuerySet, Queue
from annotations.review.payload import choice_of, list_of, moment_of, text_of, texts_of, truth_of, whole_number_of
from annotations.review.progress import progress
from labelhub.body import object_of
from labelhub.errors import Invalid, NotFound, ensure
from labelhub.keys.authentication import Caller, api
from labelhub.keys.models import Scope
from labelhub.people.models import User
from labelhub.projects.rights import Right

PAGE, PUT_AT_ONCE = 100, 1_000


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


@extend_schema(request={"application/json": ANYTHING}, responses={204: None})
@api("DELETE", "PATCH", scope=Scope.LABEL, right=Right.LABEL, query=("fence",))
def task_claim(request: Request, caller: Caller, pk: int) -> Response:
    """DELETE gives the task back; PATCH {"skip": "reason"} gives it back and does not offer it again.

    PATCH {"snooze": "<moment with offset>"} gives it back until then.

    With the fence of the claim, DELETE with ?fence=<fence> and PATCH {"skip": "reason", "fence": <fence>} leave a claim
    alone that was taken anew since then; PATCH says so with 409.
    """
    claim = claim_of(task_of(caller.project, caller.user, pk), caller.user)
    if request.method == "PATCH":
        body = object_of(request)
        fence = whole_number_of(body, "fence", default=claim.fence)
        if body.get("snooze") is None:
            skip(claim, by=caller.user, reason=text_of(body, "skip", limit=300), fence=fence)
        else:
            snooze(claim, by=caller.user, until=moment_of(body, "snooze"), fence=fence)
    else:
        release(claim, by=caller.user, fence=_number(request, "fence", claim.fence))
    return Response(status=204)


@extend_schema(request={"application/json": ANYTHING}, responses={200: ANYTHING})
@api("PUT", scope=Scope.LABEL, right=Right.LABEL)
def task_draft(request: Request, caller: Caller, pk: int) -> Response:
    """Keep a draft: {"fence", "version", "content"}; 409 carries what another tab saved.

    With a name of one's own under "tab" in the content, a save whose answer was lost is no other tab's.
    """
    body, task = object_of(request), task_of(caller.project, caller.user, pk)
    fence, version = whole_number_of(body, "fence"), whole_number_of(body, "version", default=0)
    draft = save_draft(task, by=caller.user, fence=fence, version=version, content=body.get("content", {}))
    return Response({"version": draft.version})


@extend_schema(request={"application/json": JUDGEMENT}, responses={201: ANYTHING})
@api("POST", scope=Scope.LABEL, right=Right.LABEL)
def task_labels(request: Request, caller: Caller, pk: int) -> Response:
    """Submit a judgement of a claimed task. Of a calibration item the answer says what the gold answer is."""
    body, task = object_of(request), task_of(caller.project, caller.user, pk)
    label = submit(task, by=caller.user, fence=whole_number_of(body, "fence"), payload=body)
    told = calibration_body(shown_result(label))
    return Response({**label_body(_label(caller, label.pk)), **told}, status=201)


@extend_schema(responses={200: ANYTHING})
@api("GET", scope=Scope.LABEL, right=Right.LABEL, query=("state", "after"))
def labels(request: Request, caller: Caller) -> Response:
    """Labels, oldest first; ?state=waiting: those that wait for the caller's approval; ?after=<id> pages on."""
    rows, state = _labels(caller), request.query_params.get("state")
    ensure(state in {None, "waiting"}, Invalid("state must be waiting, or left out for all labels.", field="state"))
    if state == "waiting":
        caller.ensure(Right.APPROVE)
        rows = rows.for_approval_by(caller.user)
    shown = rows.filter(pk__gt=_number(request, "after", 0)).order_by("pk")[:PAGE]
    return Response({"items": [label_body(label) for label in shown]})


@extend_schema(responses={200: ANYTHING})
@api("GET", scope=Scope.LABEL, right=Right.LABEL)
def label(request: Request, caller: Caller, pk: int) -> Response:
    """One label, in the shape in which it was submitted, and what was said about its comments."""
    return Response(label_body(_label(caller, pk), threads=True))


@extend_schema(responses={200: ANYTHING})
@api("GET", scope=Scope.LABEL, right=Right.LABEL)
def agreement_of_caller(request: Request, caller: Caller) -> Response:
    """How alike the caller judges with others and with gold answers; for moderators also how alike everybody does."""
    everybody = reviewers(caller.project) if caller.may(Right.APPROVE) else []
    return Response(agreement_body(agreement(caller.user, caller.project), everybody))


@extend_schema(request={"application/json": ANYTHING}, responses={201: ANYTHING})
@api("POST", scope=Scope.APPROVE, right=Right.APPROVE)
def label_approval(request: Request, caller: Caller, pk: int) -> Response:
    """Accept somebody else's label as truth; it is injectable from this answer on."""
    approval = approve(_label(caller, pk), by=caller.user, note=text_of(object_of(request), "note"))
    approval.refresh_from_db(fields=["at"])
    return Response({"id": approval.pk, "label": pk, "by": str(approval.by), "at": approval.at}, status=201)


@extend_schema(request=None, responses={204: None})
@api("PUT", "DELETE", scope=Scope.APPROVE, right=Right.CURATE)
def label_calibration(request: Request, caller: Caller, pk: int) -> Response:
    """PUT hides the case of a gold answer among the work of its queue, as a calibration item; DELETE takes it out."""
    act = calibrate_with if request.method == "PUT" else stop_calibrating
    act(_label(caller, pk), by=caller.user)
    return Response(status=204)


@extend_schema(request={"application/json": ANYTHING}, responses={201: ANYTHING})
@api("POST", scope=Scope.APPROVE, right=Right.APPROVE)
def label_return(request: Request, caller: Caller, pk: int) -> Response:
    """Send a label back to its author: {"reason": "…"}."""
    returned = send_back(_label(caller, pk), by=caller.user, reason=text_of(object_of(request), "reason"))
    return Response({"id": returned.pk, "label": pk, "reason": returned.reason}, status=201)


@extend_schema(request=None, responses={201: ANYTHING})
@api("POST", scope=Scope.LABEL, right=Right.LABEL)
def label_withdrawal(request: Request, caller: Caller, pk: int) -> Response:
    """Take one's own label back, until somebody decides on it; the answer is the task, which one holds again.

    Of a revision the answer is the label that it was to revise, which stands again.
    """
    back = withdraw(_label(caller, pk), by=caller.user)
    return Response(label_body(back) if isinstance(back, Label) else task_body(back), status=201)


@extend_schema(request={"application/json": REVISION}, responses={201: ANYTHING})
@api("POST", scope=Scope.LABEL, right=Right.LABEL)
def label_revision(request: Request, caller: Caller, pk: int) -> Response:
    """A new version of one's own approved label, which counts until somebody approves the new one."""
    revision = revise(_label(caller, pk), by=caller.user, payload=object_of(request))
    return Response(label_body(_label(caller, revision.pk)), status=201)


@extend_schema(request={"application/json": ANYTHING}, responses={201: ANYTHING})
@api("POST", scope=Scope.LABEL, right=Right.LABEL)
def comment_replies(request: Request, caller: Caller, pk: int) -> Response:
    """Answer a comment on a label: {"text": "…"}. Its author, who answered before and who is mentioned are told."""
    comment = comment_of(caller.project, caller.user, pk)
    made = reply(comment, by=caller.user, text=text_of(object_of(request), "text"))
    return Response(label_body(_label(caller, made.comment.label_id), threads=True), status=201)


@extend_schema(request=None, responses={204: None})
@api("PUT", "DELETE", scope=Scope.LABEL, right=Right.LABEL)
def comment_resolution(request: Request, caller: Caller, pk: int) -> Response:
    """PUT settles the thread of a comment, DELETE opens it again."""
    act = resolve if request.method == "PUT" else reopen
    act(comment_of(caller.project, caller.user, pk), by=caller.user)
    return Response(status=204)


def _number(request: Request, name: str, default: int) -> int:
    """A whole number of the address. Raises Invalid."""
    value = request.query_params.get(name)
    if value is None:
        return default
    fits = value.isascii() and value.isdecimal() and len(value) < 19
    ensure(fits, Invalid(f"{name} must be a whole number, at least 0.", field=name))
    return int(value)


def _labels(caller: Caller) -> LabelQuerySet:
    """Those of the project that the caller may see; a key without the scope to approve shows the person's own."""
    labels = Label.objects.visible_to(caller.user).filter(project=caller.project).with_evidence()
    return labels if caller.may(Right.APPROVE) else labels.filter(author=caller.user)


def _label(caller: Caller, pk: int) -> Label:
    label = _labels(caller).with_threads().filter(pk=pk).first()
    if label is None:
        raise NotFound
    return label
