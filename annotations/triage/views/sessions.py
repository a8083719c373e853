"""The board: flagged sessions, most urgent first, and the trail of the one looked at."""

import hashlib
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from annotations.capture.models import Feedback, Interaction, Session
from annotations.review.lookup import task_of
from annotations.review.models import Queue
from annotations.review.views.approvals import neighbours
from annotations.review.views.shown import Sign, facts, tone
from annotations.triage.actions.decisions import dismiss, route, undo
from annotations.triage.actions.flags import flag
from annotations.triage.board import Event, on_board, trail, worst_flags
from annotations.triage.lookup import chosen_queue, decision_of, session_of
from annotations.triage.models import Decision, Flag
from labelhub.body import form_text
from labelhub.http import HtmxHttpRequest, is_fragment, project_page
from labelhub.projects.models import Project
from labelhub.projects.rights import Right

PAGE = 50
CHIPS = 3
REASONS = 50


@require_GET
@project_page(Right.TRIAGE)
def board(request: HtmxHttpRequest, project: Project) -> HttpResponse:
    """The list, and its first session beside it where there is room."""
    return page(request, project, on_board(project).first(), opened=False)


@require_GET
@project_page(Right.TRIAGE)
def case(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    return page(request, project, session_of(project, request.user, pk))


@require_GET
@project_page(Right.TRIAGE)
def rows(request: HtmxHttpRequest, project: Project) -> HttpResponse:
    """Asked every few seconds: 204 while the list looks as it looked."""
    context = listed(project)
    if context["seen"] == request.GET.get("seen"):
        return HttpResponse(status=204)
    at = request.GET.get("at", "")
    context["session"] = Session(pk=int(at[:18])) if at.isdecimal() else None  # only to know which row to light
    return render(request, "annotations/triage/_rows.html", {"project": project, **context})


@require_POST
@project_page(Right.TRIAGE)
def session_route(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    session = session_of(project, request.user, pk)
    queue = chosen_queue(project, request.user, form_text(request.POST, "queue"))
    after = following(project, pk)
    decision = route(session, queue=queue, by=request.user, reason=form_text(request.POST, "reason"))
    return decided(request, project, decision, after, f"Sent to {queue}.")


@require_POST
@project_page(Right.TRIAGE)
def session_dismissal(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    session = session_of(project, request.user, pk)
    after = following(project, pk)
    decision = dismiss(session, by=request.user, reason=form_text(request.POST, "reason"))
    return decided(request, project, decision, after, "Dismissed.")


@require_POST
@project_page(Right.LABEL)
def task_flag(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    """From the desk; the task stays as it is."""
    task = task_of(project, request.user, pk)
    flag(task.interaction, by=request.user, reason=form_text(request.POST, "reason"))
    messages.success(request, "Flagged. A moderator will look at it; you may go on.")
    if is_fragment(request):
        return render(request, "annotations/triage/_flagged.html", {"project": project, "task": task})
    return redirect("review:desk", project.slug, task.queue.slug)


@require_POST
@project_page(Right.TRIAGE)
def decision_undo(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    decision = decision_of(project, request.user, pk)
    undo(decision, by=request.user)
    messages.info(request, "Taken back.")
    return redirect("triage:case", project.slug, decision.session_id)


@require_GET
@project_page(Right.READ)
def session_page(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    session = session_of(project, request.user, pk)
    return render(request, "annotations/triage/session.html", {"project": project, **looked_at(session)})


def following(project: Project, pk: int) -> Session | None:
    """What comes up after the decision on `pk`."""
    order = list(on_board(project)[:PAGE])
    place = next((i for i, session in enumerate(order) if session.pk == pk), -1)
    left = [*order[place + 1 :], *order[: max(place, 0)]]
    return left[0] if left else None


def decided(
    request: HtmxHttpRequest, project: Project, decision: Decision, after: Session | None, words: str
) -> HttpResponse:
    back = reverse("triage:undo", args=[project.slug, decision.pk])
    messages.success(request, words, extra_tags=back)  # the toast offers it as Undo
    if is_fragment(request):
        return page(request, project, after)
    return redirect("triage:case", project.slug, after.pk) if after else redirect("triage:board", project.slug)


def page(request: HtmxHttpRequest, project: Project, session: Session | None, *, opened: bool = True) -> HttpResponse:
    """`opened`: on a phone the session covers the list."""
    context = {"project": project, "session": session, "opened": opened and session, **listed(project)}
    if session:
        context |= looked_at(session) | neighbours(context.pop("order"), session.pk)
        context["queues"] = (
            Queue.objects.visible_to(request.user).for_answers().filter(project=project).order_by("name")
        )
    template = "annotations/triage/_board.html" if is_fragment(request) else "annotations/triage/board.html"
    return render(request, template, context)


def listed(project: Project) -> dict[str, Any]:
    """The list as it looks, and a short mark of how it looks."""
    found = on_board(project)
    sessions = list(found[:PAGE])
    flags = worst_flags(sessions, CHIPS)
    total = found.count()
    looks = [total, *((s.pk, s.flag_count, s.newest_flag_at) for s in sessions)]  # type: ignore[attr-defined]
    seen = hashlib.sha256(repr(looks).encode()).hexdigest()[:16]
    return {
        "rows": [row(session, flags[session.pk]) for session in sessions],
        "order": [session.pk for session in sessions], "total": total, "seen": seen,
    }  # fmt: skip


def row(session: Any, flags: list[Flag]) -> dict[str, Any]:
    """`session` as `on_board` annotates it, with its worst flags."""
    return {
        "session": session, "prompt": flags[0].interaction.prompt if flags else "",
        "flags": [Sign(flag.evidence, flag_tone(flag)) for flag in flags],
        "more": session.flag_count - len(flags), "urgency": session.worst if session.defect_count else 0,
    }  # fmt: skip


def flag_tone(flag: Flag) -> str:
    if flag.kind == Flag.Kind.EXEMPLAR:
        return "good"
    return "bad" if flag.severity > 1 else "warn"


def looked_at(session: Session) -> dict[str, Any]:
    """One session with what happened around it, and why it stands on the board."""
    why = worst_flags([session], REASONS)[session.pk]
    more = Flag.objects.filter(session=session).open().count() - len(why)
    told = trail(session, why)
    calls: list[Interaction] = [event.row for event in told.events if event.kind == "interaction"]
    first = why[0].interaction if why else (calls[0] if calls else None)
    return {
        "session": session, "title": first.prompt if first else f"Session {session.external_id}", "why": why,
        "why_more": more, "turns": told.answers, "earlier": told.earlier,
        "facts": facts(first)[:3] if first else [],
        "events": [
            {"template": f"annotations/triage/_event_{event.kind}.html", "row": event.row, "tone": event_tone(event)}
            for event in told.events
        ],
    }  # fmt: skip


def event_tone(event: Event) -> str:
    if isinstance(event.row, Feedback):
        return tone(event.row)
    return flag_tone(event.row) if isinstance(event.row, Flag) else ""
