"""The desk: one answer a screen. Every act is a form post; htmx only replaces the redirect by the next screen."""

import secrets
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from annotations.review.actions.calibration import shown_result
from annotations.review.actions.claims import claim, claim_next, release, renew, skip, snooze
from annotations.review.actions.drafts import save_draft
from annotations.review.actions.labels import as_payload, submit, submitted_before, withdraw
from annotations.review.actions.suggestions import accuracy
from annotations.review.lookup import claim_of, label_of, queue_of, task_of
from annotations.review.models import Claim, Draft, Label, Queue, ReviewTask
from annotations.review.preview import preview
from annotations.review.progress import MANY, progress
from annotations.review.similar import similar
from annotations.review.views.at_hand import at_hand, guidelines_for, pre_labels, sides, typed, wishes
from annotations.review.views.calibration import compared
from annotations.review.views.form import changes_comments, read_choice, read_form, whole_number
from annotations.review.views.later import later
from labelhub.body import form_text
from labelhub.errors import Invalid, Refused, StaleState
from labelhub.http import HtmxHttpRequest, is_fragment, project_page
from labelhub.people.models import User
from labelhub.people.zones import zone_named
from labelhub.projects.models import Project
from labelhub.projects.rights import Right

PUT_OFF = 20  # answers that the start of a queue lists
WITH_GOLD = "Submitted. It was a calibration item: the gold answer stands on the label's page, under My labels."


@require_GET
@project_page(Right.LABEL)
def queue_desk(request: HtmxHttpRequest, project: Project, queue: str) -> HttpResponse:
    found = queue_of(project, request.user, queue)
    return screen(request, found, held_claim(found, request.user))


@require_POST
@project_page(Right.LABEL)
def queue_claim(request: HtmxHttpRequest, project: Project, queue: str) -> HttpResponse:
    found = queue_of(project, request.user, queue)
    return next_screen(request, found)


@require_POST
@project_page(Right.LABEL)
def task_claim(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    task = task_of(project, request.user, pk)
    claim(task, by=request.user)
    return redirect("review:desk", project.slug, task.queue.slug)


@require_POST
@project_page(Right.LABEL)
def task_draft(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    task = task_of(project, request.user, pk)
    content = read(request, task) | {"tab": form_text(request.POST, "tab")}
    fence, version = whole_number(request.POST, "fence"), whole_number(request.POST, "version")
    draft = save_draft(task, by=request.user, fence=fence, version=version, content=content)
    if not is_fragment(request):
        return redirect("review:desk", project.slug, task.queue.slug)
    context = {
        "project": project,
        "task": task,
        "claim": True,
        "draft": draft,
        **typed(task, content, wishes(task.interaction)),
    }
    context |= {"comments_changed": changes_comments(request.POST), "replaced": "replace" in request.POST}
    return render(request, "annotations/review/_autosaved.html", context)


@require_POST
@project_page(Right.LABEL)
def task_label(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    task = task_of(project, request.user, pk)
    content = read(request, task)
    fence = whole_number(request.POST, "fence")
    try:
        label = submit(task, by=request.user, fence=fence, payload=content)
    except (Invalid, StaleState) as refusal:
        if "again" in request.POST and submitted_before(task, by=request.user, fence=fence, payload=content):
            messages.success(request, "Submitted.")
            return next_screen(request, task.queue)
        held = held_claim(task.queue, request.user)
        if is_fragment(request) or held is None or held.task_id != task.pk:
            raise
        return screen(request, task.queue, held, content=content, refusal=refusal)
    gold = compared(shown_result(label))
    undo = "" if gold else reverse("review:withdrawal", args=[project.slug, label.pk])
    messages.success(request, WITH_GOLD if gold else "Submitted.", extra_tags=undo)
    return next_screen(request, label.task.queue, gold=gold)


@require_POST
@project_page(Right.LABEL)
def label_withdrawal(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    """Undo a submit: the task is at hand again, with everything that was written."""
    label = label_of(project, request.user, pk)
    try:
        back = withdraw(label, by=request.user)
    except StaleState as refusal:
        refusal.extra |= {"revision": revision_url(label)} if refusal.extra.get("approved") else {}
        raise
    if isinstance(back, Label):
        return redirect(revision_url(back))
    if isinstance(back, ReviewTask):
        return redirect("review:adjudication", project.slug, back.pk)
    return redirect("review:desk", project.slug, label.task.queue.slug)


@require_POST
@project_page(Right.LABEL)
def task_skip(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    task = task_of(project, request.user, pk)
    held, fence = claim_of(task, request.user), whole_number(request.POST, "fence")
    skip(held, by=request.user, reason=form_text(request.POST, "reason"), fence=fence)
    messages.info(request, "Skipped. Somebody else will look at it.")
    return next_screen(request, task.queue)


@require_POST
@project_page(Right.LABEL)
def task_snooze(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    """Not now: it comes back to the same person later."""
    task, until = task_of(project, request.user, pk), later(form_text(request.POST, "for"), request.user)
    held, fence = claim_of(task, request.user), whole_number(request.POST, "fence")
    snooze(held, by=request.user, until=until, fence=fence)
    back = until.astimezone(zone_named(request.user.time_zone))
    messages.info(request, f"Put off. It comes back to you on {back:%-d %b at %H:%M}.")
    return next_screen(request, task.queue)


@require_GET
@project_page(Right.LABEL)
def task_similar(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    """Decided cases like this one."""
    task = task_of(project, request.user, pk)
    return render(request, "annotations/review/_similar.html", {"task": task, "similar": similar(task)})


@require_GET
@project_page(Right.LABEL)
def task_preview(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    """The output as formatted text."""
    task = task_of(project, request.user, pk)
    return render(request, "annotations/review/_preview.html", {"preview": preview(task.interaction.output)})


@require_POST
@project_page(Right.LABEL)
def task_lease(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    """Somebody is still at work on it."""
    renew(claim_of(task_of(project, request.user, pk), request.user), by=request.user)
    return HttpResponse(status=204)


@require_POST
@project_page(Right.LABEL)
def task_release(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    """The page was left; a claim taken anew since then is not touched."""
    held = claim_of(task_of(project, request.user, pk), request.user)
    release(held, by=request.user, fence=whole_number(request.POST, "fence"))
    return HttpResponse(status=204)


def read(request: HtmxHttpRequest, task: ReviewTask) -> dict[str, Any]:
    """What stands in the form of `task`, which judges one answer or a pair."""
    if task.candidate_id is None:
        return read_form(request.POST, task.interaction.output)
    return read_choice(request.POST, swapped=claim_of(task, request.user).swapped)


def revision_url(label: Label) -> str:
    return reverse("review:revision", args=[label.task.project.slug, label.pk])


def held_claim(queue: Queue, user: User) -> Claim | None:
    return (
        Claim.objects.at_hand(queue, user)
        .select_related("task__interaction", "task__project", "task__queue", "task__candidate")
        .first()
    )


def screen_of(held: Claim | None) -> str:
    if held is None:
        return "_start.html"
    return "_pair.html" if held.task.candidate_id else "_desk.html"


def next_screen(request: HtmxHttpRequest, queue: Queue, *, gold: dict[str, Any] | None = None) -> HttpResponse:
    """Claim what comes next and show it: one request saves an answer and brings another.

    `gold`: what a calibration item just judged was compared with.
    """
    held = claim_next(queue, by=request.user)
    if held:
        held.task.queue, held.task.project = queue, queue.project  # known: nothing of them is asked again
    if is_fragment(request):
        return screen(request, queue, held, gold=gold)
    return redirect("review:desk", queue.project.slug, queue.slug)


def screen(
    request: HtmxHttpRequest, queue: Queue, held: Claim | None, *, content: dict[str, Any] | None = None,
    refusal: Refused | None = None, revising: Label | None = None, gold: dict[str, Any] | None = None,
) -> HttpResponse:  # fmt: skip
    """The claimed answer, or the start of the queue; `content` stands in the form instead of the draft."""
    stands = progress(queue, request.user)
    context: dict[str, Any] = {
        "project": queue.project, "queue": queue, "claim": held, "refusal": refusal, "revising": revising,
        "progress": {**stands, "total": max(1, stands["done_today"] + stands["left"]), "many": stands["left"] == MANY},
        "screen": f"annotations/review/{screen_of(held)}", "tab": secrets.token_hex(8),
    }  # fmt: skip
    context |= guidelines_for(queue.project, request.user) | (gold or {})
    if held is None:
        context["accuracy"] = accuracy(queue) if queue.suggests else None
        context["put_off"] = Claim.objects.put_off(queue, request.user).select_related("task__interaction")[:PUT_OFF]
    else:
        draft = Draft.objects.filter(task=held.task, by=request.user).first()
        context |= at_hand(held.task, request.user) | pre_labels(held.task) | {"draft": draft, "pair": sides(held)}
        before = draft.content if draft else as_payload(revising) if revising else {}
        context |= typed(held.task, content or before, context["wished"], context["pre_labels"])
    template = "annotations/review/_next.html" if is_fragment(request) else "annotations/review/desk.html"
    return render(request, template, context, status=refusal.status if refusal else 200)
