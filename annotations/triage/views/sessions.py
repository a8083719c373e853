"""The board: flagged sessions, most urgent first, and the trail of the one looked at."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST

from annotations.capture.models import Feedback, Interaction, Session
from annotations.review.lookup import task_of
from annotations.review.models import Queue
from annotations.review.views.approvals import neighbours
from annotations.review.views.bulk import numbers
from annotations.review.views.shown import facts, tone
from annotations.triage.actions.corrections import corrections_of
from annotations.triage.actions.decisions import dismiss, dismiss_all, escalate, route, route_all, take, undo, undo_all
from annotations.triage.actions.flags import flag, rules_of
from annotations.triage.board import Event, trail, worst_flags
from annotations.triage.likeness import Alike, alike
from annotations.triage.lookup import chosen_queue, chosen_sessions, decision_of, session_of
from annotations.triage.models import Decision, Flag, ProductIssue
from annotations.triage.views.listed import Tab, flag_tone, listed, tab_named, tabs
from labelhub.body import form_text
from labelhub.http import HtmxHttpRequest, is_fragment, project_page
from labelhub.projects.models import Project
from labelhub.projects.rights import Right

REASONS = 50
ISSUES = 50  # titles that are offered


@require_GET
@project_page(Right.TRIAGE)
def board(request: HtmxHttpRequest, project: Project) -> HttpResponse:
    """The list, and its first session beside it where there is room.

    ?tab= is one of TABS, or view-<id>; ?below= the mark of the last session of the page before.
    """
    return page(request, project, None, first=True)


@require_GET
@project_page(Right.TRIAGE)
def case(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    return page(request, project, session_of(project, request.user, pk))


@require_GET
@project_page(Right.TRIAGE)
def rows(request: HtmxHttpRequest, project: Project) -> HttpResponse:
    """Asked every few seconds: 204 while the list looks as it looked."""
    context = listed(project, tab_of(request, project), request.user)
    if context["seen"] == request.GET.get("seen"):
        return HttpResponse(status=204)
    at = request.GET.get("at", "")
    context["session"] = Session(pk=int(at[:18])) if at.isdecimal() else None  # only to know which row to light
    return render(request, "annotations/triage/_rows.html", {"project": project, **context})


@require_POST
@project_page(Right.TRIAGE)
def session_route(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    """This session, or those that are chosen in the list."""
    sessions, after, reason = chosen(request, project, pk), following(request, project, pk), _reason(request)
    queue = chosen_queue(project, request.user, form_text(request.POST, "queue"))
    if len(sessions) == 1:
        decision = route(sessions[0], queue=queue, by=request.user, reason=reason)
        return decided(request, project, [decision], after, f"Sent to {queue}.")
    outcome = route_all(sessions, queue=queue, by=request.user, reason=reason)
    left_alone(request, outcome.refused)
    return decided(request, project, outcome.decisions, after, f"{len(outcome.decisions)} sent to {queue}.")


@require_POST
@project_page(Right.TRIAGE)
def session_dismissal(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    """This session, or those that are chosen in the list."""
    sessions, after, reason = chosen(request, project, pk), following(request, project, pk), _reason(request)
    if len(sessions) == 1:
        decision = dismiss(sessions[0], by=request.user, reason=reason)
        return decided(request, project, [decision], after, "Dismissed.")
    outcome = dismiss_all(sessions, by=request.user, reason=reason)
    left_alone(request, outcome.refused)
    return decided(request, project, outcome.decisions, after, f"{len(outcome.decisions)} dismissed.")


@require_POST
@project_page(Right.TRIAGE)
def session_escalation(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    session, after = session_of(project, request.user, pk), following(request, project, pk)
    decision = escalate(session, by=request.user, reason=_reason(request))
    return decided(request, project, [decision], after, "The admins are asked. It stays on the board.")


@require_POST
@project_page(Right.TRIAGE)
def session_take(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    session = session_of(project, request.user, pk)
    is_mine = take(session, by=request.user)
    messages.info(request, "It is yours: you find it under Mine." if is_mine else "Given back.")
    if is_fragment(request):
        return page(request, project, session)
    return redirect(at_tab(request, "triage:case", project, pk))


@require_POST
@project_page(Right.TRIAGE)
def decisions_undo(request: HtmxHttpRequest, project: Project) -> HttpResponse:
    """All of ?decision=<id>… that are one's own."""
    pks = numbers(request.GET, "decision")
    found = Decision.objects.filter(project=project, by=request.user, pk__in=pks).select_related("session__project")
    left_alone(request, undo_all(found, by=request.user))
    messages.info(request, "Taken back.")
    return redirect("triage:board", project.slug)


def tab_of(request: HtmxHttpRequest, project: Project) -> Tab:
    return tab_named(request.GET.get("tab", ""), project, request.user, request.GET.get("below", ""))


def at_tab(request: HtmxHttpRequest, name: str, project: Project, *args: Any) -> str:
    """The address of a page, with the tab that one came from."""
    return reverse(name, args=[project.slug, *args]) + tab_of(request, project).address


def chosen(request: HtmxHttpRequest, project: Project, pk: int) -> list[Session]:
    """Those of `session` in the form, else the one of the address."""
    if "session" in request.POST:
        return chosen_sessions(project, request.user, numbers(request.POST, "session"))
    return [session_of(project, request.user, pk)]


def _reason(request: HtmxHttpRequest) -> str:
    return form_text(request.POST, "reason")


def left_alone(request: HtmxHttpRequest, refused: list[str]) -> None:
    if refused:
        messages.warning(request, f"{len(refused)} left alone: {refused[0]}")


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


def following(request: HtmxHttpRequest, project: Project, pk: int) -> Session | None:
    """What comes up in the list after the decision on `pk`, or on those that are chosen."""
    order, _ = tab_of(request, project).page(project, request.user)
    place = next((i for i, session in enumerate(order) if session.pk == pk), -1)
    going = {pk, *(int(one) for one in request.POST.getlist("session") if one.isdecimal())}
    left = [one for one in [*order[place + 1 :], *order[: max(place, 0)]] if one.pk not in going]
    return left[0] if left else None


def decided(
    request: HtmxHttpRequest, project: Project, decisions: list[Decision], after: Session | None, words: str
) -> HttpResponse:
    """The next session, with a toast that offers to take the decisions back."""
    back = reverse("triage:decisions_undo", args=[project.slug])
    if len(decisions) == 1:
        back = reverse("triage:undo", args=[project.slug, decisions[0].pk])
    elif decisions:
        back += "?" + urlencode({"decision": [one.pk for one in decisions]}, doseq=True)
    messages.success(request, words, extra_tags=back if decisions else "")
    if is_fragment(request):
        return page(request, project, after)
    if after is None:
        return redirect(at_tab(request, "triage:board", project))
    return redirect(at_tab(request, "triage:case", project, after.pk))


def page(request: HtmxHttpRequest, project: Project, session: Session | None, *, first: bool = False) -> HttpResponse:
    """`session` on a phone covers the list; `first`: that of the list, beside it where there is room."""
    context = listed(project, tab_of(request, project), request.user)
    inside: dict[int, Any] = {row["session"].pk: row["session"] for row in context["rows"]}
    if first and inside:
        session = next(iter(inside.values()))
    context |= {"project": project, "session": session, "opened": session and not first}
    context |= {"tabs": tabs(project, request.user, context["counts"]), "rules": rules_of(project)}
    if session:
        session = context["session"] = inside.get(session.pk, session)
        session.project = project
        context |= looked_at(session) | neighbours(context.pop("order"), session.pk)
        context["corrections"], context["alike"] = corrections_of(session.pk), alike_ones(session, context["why"])
        context["issues"] = ProductIssue.objects.filter(project=project).order_by("state", "-pk")[:ISSUES]
        context["merged"] = inside[session.pk].merged_count if session.pk in inside else session.merged.count()
        context["taken"] = getattr(session, "take", None)
        context["queues"] = (
            Queue.objects.visible_to(request.user).for_answers().filter(project=project).order_by("name")
        )
    template = "annotations/triage/_board.html" if is_fragment(request) else "annotations/triage/board.html"
    return render(request, template, context)


def looked_at(session: Session) -> dict[str, Any]:
    """One session with what happened around it, and why it stands on the board."""
    why = worst_flags([session], REASONS)[session.pk]
    more = Flag.objects.filter(session=session).open().count() - REASONS if len(why) == REASONS else 0
    told = trail(session, why)
    calls: list[Interaction] = [event.row for event in told.events if event.kind == "interaction"]
    first = why[0].interaction if why else (calls[0] if calls else None)
    return {
        "session": session, "title": first.prompt if first else f"Session {session.external_id}", "why": why,
        "why_more": more, "turns": told.answers, "earlier": told.earlier,
        "facts": facts(first)[:3] if first else [],
        "fixed": any(event.kind == "label" and hasattr(event.row, "approval") for event in told.events),
        "events": [
            {"template": f"annotations/triage/_event_{event.kind}.html", "row": event.row, "tone": event_tone(event)}
            for event in told.events
        ],
    }  # fmt: skip


def alike_ones(session: Session, why: list[Flag]) -> list[Alike]:
    """While something is open here: other flagged sessions about the same."""
    return alike(session, why[0].interaction_id) if why else []


def event_tone(event: Event) -> str:
    if isinstance(event.row, Feedback):
        return tone(event.row)
    return flag_tone(event.row) if isinstance(event.row, Flag) else ""
