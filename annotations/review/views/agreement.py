"""How alike one judges with others; for moderators also how alike everybody does."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from annotations.review.agreement import DAYS, agreement, reviewers
from annotations.review.team import team
from labelhub.http import HtmxHttpRequest, project_page
from labelhub.projects.actions import has_right
from labelhub.projects.models import Project
from labelhub.projects.rights import Right


@require_GET
@project_page(Right.LABEL)
def agreement_page(request: HtmxHttpRequest, project: Project) -> HttpResponse:
    context: dict[str, Any] = {"project": project, "mine": agreement(request.user, project), "days": DAYS}
    if has_right(request.user, project, Right.APPROVE):
        measured = team(project)
        context["everybody"] = [(one, *measured.majority.get(one.user.pk, (0, 0))) for one in reviewers(project)]
        context["team"] = measured
    return render(request, "annotations/review/agreement.html", context)
