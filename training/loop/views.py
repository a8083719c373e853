"""Home: what waits, over all projects and in one; what became of what one did; where each case stands."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from annotations.review.agreement import agreement
from annotations.triage.lookup import session_of
from labelhub.body import form_number
from labelhub.http import HtmxHttpRequest, is_fragment, project_page
from labelhub.projects.models import Membership, Project
from labelhub.projects.rights import Right
from training.loop.answers import answers_of
from training.loop.cases import STOPS
from training.loop.history import history, pace
from training.loop.standing import board, standing_of
from training.loop.today import DAYS, OUTCOMES, today
from training.loop.waiting import entries, returned_to
from training.registry.live import live_version


@require_GET
@login_required
def home(request: HtmxHttpRequest) -> HttpResponse:
    projects = entries(Membership.objects.of(request.user), request.user)
    nothing_waits = bool(projects) and not any(wait.number for entry in projects for wait in entry.waits)
    context = {"projects": projects, "nothing_waits": nothing_waits}
    return render(request, "home/home.html", context)


@require_GET
@project_page(Right.LABEL)
def project_home(request: HtmxHttpRequest, project: Project) -> HttpResponse:
    """Today: what waits, and what became of what one did."""
    membership = Membership.objects.of(request.user).filter(project=project)
    lately = today(request.user, project)
    context = {
        "project": project, "entry": entries(membership, request.user, lately.done_today)[0], "today": lately,
        "guidelines": project.guidelines, "returned": returned_to(request.user, project), "days": DAYS,
        "pace": pace(request.user, project), "mine": agreement(request.user, project), "live": live_version(project),
    }  # fmt: skip
    return render(request, "home/project.html", context)


@require_GET
@project_page(Right.LABEL)
def my_labels(request: HtmxHttpRequest, project: Project) -> HttpResponse:
    """?before=<label id> pages on, ?outcome=approved … shows only those; anything else shows the newest."""
    outcome = request.GET.get("outcome", "") if request.GET.get("outcome") in OUTCOMES else ""
    found = history(request.user, project, before=form_number(request.GET, "before") or None, outcome=outcome)
    context = {
        "project": project, "past": found.past, "more": found.more, "pace": pace(request.user, project),
        "outcome": outcome, "outcomes": OUTCOMES,
    }  # fmt: skip
    return render(request, "home/history.html", context)


@require_GET
@project_page(Right.TRIAGE)
def case_list(request: HtmxHttpRequest, project: Project) -> HttpResponse:
    """?before=<interaction id> pages on; ?at= shows those that stand there, and is refused for what there is not."""
    stop = request.GET.get("at", "")
    found = board(project, stop=stop, before=form_number(request.GET, "before"))
    context = {"project": project, "standings": found.standings, "more": found.more, "stop": stop, "stops": STOPS}
    return render(request, "training/loop/cases.html", context)


@require_GET
@project_page(Right.TRIAGE)
def case_standing(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    context = {"project": project, "one": standing_of(project, pk)}
    return render(request, "training/loop/case.html", context)


@require_GET
@project_page(Right.TRIAGE)
def session_answers(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    """A part of the timeline of a session; a page of its own without htmx."""
    session = session_of(project, request.user, pk)
    context = {"project": project, "session": session, "answers": answers_of(session)}
    template = "training/loop/_answers.html" if is_fragment(request) else "training/loop/answers.html"
    return render(request, template, context)
