"""An approved label as a new version: the desk once more, with everything that was said."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from annotations.review.actions.labels import ensure_revisable, revise
from annotations.review.lookup import claim_of, label_of
from annotations.review.models import Label
from annotations.review.views.desk import read, screen
from labelhub.errors import Invalid, NotFound, Refused, StaleState, ensure
from labelhub.http import HtmxHttpRequest, project_page
from labelhub.projects.models import Project
from labelhub.projects.rights import Right


@require_http_methods(["GET", "POST"])
@project_page(Right.LABEL)
def label_revision(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    label = label_of(project, request.user, pk)
    ensure(label.author_id == request.user.pk, NotFound())
    if request.method == "GET":
        ensure_revisable(label)
        return revision_screen(request, label)
    content = read(request, label.task)
    try:
        revision = revise(label, by=request.user, payload=content)
    except (Invalid, StaleState) as refusal:
        return revision_screen(request, label, content=content, refusal=refusal)
    undo = reverse("review:withdrawal", args=[project.slug, revision.pk])
    messages.success(request, "Your new version waits for a second person.", extra_tags=undo)
    return redirect("my_labels", project.slug)


def revision_screen(
    request: HtmxHttpRequest, label: Label, *, content: dict[str, Any] | None = None, refusal: Refused | None = None
) -> HttpResponse:
    claim = claim_of(label.task, request.user)
    claim.task = label.task
    return screen(request, label.task.queue, claim, content=content, refusal=refusal, revising=label)
