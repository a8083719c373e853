"""Home: what waits, over all projects and in one; and what became of what one did."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from labelhub.body import form_number
from labelhub.http import HtmxHttpRequest, project_page
from labelhub.projects.models import Membership, Project
from labelhub.projects.rights import Right
from training.loop.history import history, pace
from training.loop.waiting import entries, returned_to


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
    membership = Membership.objects.of(request.user).filter(project=project)
    context = {
        "project": project, "entry": entries(membership, request.user)[0], "guidelines": project.guidelines,
        "returned": returned_to(request.user, project),
    }  # fmt: skip
    return render(request, "home/project.html", context)


@require_GET
@project_page(Right.LABEL)
def my_labels(request: HtmxHttpRequest, project: Project) -> HttpResponse:
    """?before=<label id> pages on; anything else shows the newest."""
    found = history(request.user, project, before=form_number(request.GET, "before") or None)
    context = {"project": project, "past": found.past, "more": found.more, "pace": pace(request.user, project)}
    return render(request, "home/history.html", context)
