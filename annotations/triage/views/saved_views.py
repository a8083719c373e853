"""A moderator's own tabs: made from a filter, and removed."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from annotations.review.views.form import whole_number
from annotations.triage.actions.saved_views import remove_view, save_view
from annotations.triage.lookup import rule_of, view_of
from labelhub.body import form_text
from labelhub.http import HtmxHttpRequest, project_page
from labelhub.projects.models import Project
from labelhub.projects.rights import Right


@require_POST
@project_page(Right.TRIAGE)
def view_list(request: HtmxHttpRequest, project: Project) -> HttpResponse:
    rule = rule_of(project, whole_number(request.POST, "rule")) if request.POST.get("rule") else None
    words, severity = form_text(request.POST, "words"), whole_number(request.POST, "severity")
    name = form_text(request.POST, "name")
    made = save_view(project, by=request.user, name=name, rule=rule, severity=severity, words=words)
    return redirect(reverse("triage:board", args=[project.slug]) + f"?tab=view-{made.pk}")


@require_POST
@project_page(Right.TRIAGE)
def view_removal(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    remove_view(view_of(project, request.user, pk), by=request.user)
    messages.info(request, "The tab is removed; its sessions stay on the board.")
    return redirect("triage:board", project.slug)
