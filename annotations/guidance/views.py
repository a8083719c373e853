"""Guidance: what there is, a draft with the questions that it would touch, approval and retirement."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_http_methods, require_POST

from annotations.capture.models import Session
from annotations.guidance.actions import approve_guidance, draft, retire_guidance
from annotations.guidance.context import would_touch
from annotations.guidance.lookup import guidance_of, listed, state_of
from annotations.triage.board import worst_flags
from annotations.triage.lookup import session_of
from labelhub.body import form_number, form_text
from labelhub.errors import Invalid, Refused, StaleState, Unavailable, ensure
from labelhub.http import HtmxHttpRequest, project_page
from labelhub.projects.models import Project
from labelhub.projects.rights import Right

PAGE = 50


@require_http_methods(["GET", "POST"])
@project_page(Right.CURATE)
def guidance_list(request: HtmxHttpRequest, project: Project) -> HttpResponse:
    """The newest first, below a form that ?session= begins. A post drafts, or with `preview` shows what is touched."""
    at = form_number(request.GET, "session")
    session = session_of(project, request.user, at) if at else None
    page: dict[str, Any] = {"project": project, "session": session, "typed": _begun(session)}
    if request.method == "POST":
        page["typed"] = request.POST
        try:
            return _posted(request, project, session, page)
        except (Invalid, StaleState, Unavailable) as refusal:
            page["refusal"] = refusal
    return show(request, project, page)


def _posted(request: HtmxHttpRequest, project: Project, session: Session | None, page: dict[str, Any]) -> HttpResponse:
    """Raises Invalid, StaleState, Unavailable."""
    said = _said(request.POST)
    if "preview" in request.POST:
        ensure(said["trigger"].strip(), Invalid("Write a question that it is for.", field="trigger"))
        page["touched"] = would_touch(project, said["trigger"], said["reach"])
        return show(request, project, page)
    draft(project, by=request.user, session=session, **said)
    messages.success(request, "Drafted. It reaches prompts once somebody else approves it.")
    return redirect("guidance:list", project.slug)


def _said(post: QueryDict) -> dict[str, Any]:
    """Raises Invalid."""
    try:
        reach = float(post.get("reach", "0.75").replace(",", "."))
    except ValueError as error:
        raise Invalid("reach must be a number.", field="reach") from error
    return {
        "trigger": form_text(post, "trigger"), "instruction": form_text(post, "instruction"), "reach": reach,
        "expires_at": _day(post.get("expires", "")),
    }  # fmt: skip


def _day(text: str) -> datetime | None:
    """The start of a day in the person's zone. Raises Invalid."""
    if not text:
        return None
    try:
        day = parse_date(text)
    except ValueError:
        day = None
    if day is None:
        raise Invalid("Choose a day, like 2027-01-31.", field="expires_at")
    return datetime(day.year, day.month, day.day, tzinfo=timezone.get_current_timezone())


def _begun(session: Session | None) -> dict[str, str]:
    """The form as the board leads to it: with the question that was flagged."""
    flags = worst_flags([session], 1)[session.pk] if session else []
    return {"trigger": flags[0].interaction.prompt} if flags else {}


def show(request: HtmxHttpRequest, project: Project, page: dict[str, Any]) -> HttpResponse:
    rows = list(listed(project, form_number(request.GET, "before"))[: PAGE + 1])
    page["rows"] = [(row, state_of(row)) for row in rows[:PAGE]]
    page["more"] = rows[PAGE - 1].pk if len(rows) > PAGE else None
    refusal = page.get("refusal")
    status = refusal.status if isinstance(refusal, Refused) else 200
    return render(request, "annotations/guidance/guidance.html", page, status=status)


@require_POST
@project_page(Right.APPROVE)
def guidance_approval(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    approve_guidance(guidance_of(project, pk), by=request.user)
    messages.success(request, "Approved. It is told with questions like its trigger from now on.")
    return redirect("guidance:list", project.slug)


@require_POST
@project_page(Right.CURATE)
def guidance_retirement(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    retire_guidance(guidance_of(project, pk), by=request.user, reason=form_text(request.POST, "reason"))
    messages.success(request, "Retired. It reaches no prompt any more.")
    return redirect("guidance:list", project.slug)
