"""A label for whoever may see it, and what people say to each other about its comments."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from annotations.review.actions.threads import reopen, reply, resolve
from annotations.review.diff import word_diff
from annotations.review.lookup import comment_of, label_of
from annotations.review.models import Claim, Label, SpanComment
from annotations.review.views.approvals import rests_on
from annotations.review.views.calibration import calibration_of
from labelhub.body import form_text
from labelhub.http import HtmxHttpRequest, is_fragment, project_page
from labelhub.projects.models import Project
from labelhub.projects.rights import Right


@require_GET
@project_page(Right.LABEL)
def label_detail(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    """What #comment-<id> of an address leads to."""
    label = label_of(project, request.user, pk)
    context = {"project": project, "label": label, **rests_on(label), **calibration_of(label, request.user)}
    context |= around(label) if label.author_id == request.user.pk else {}
    context |= outcome_of(label)
    return render(request, "annotations/review/label.html", context)


@require_GET
@project_page(Right.LABEL)
def label_last(request: HtmxHttpRequest, project: Project) -> HttpResponse:
    """What one submitted last: where one's history begins."""
    last = Label.objects.told_to_author(request.user).filter(project=project).order_by("-pk").first()
    return redirect("review:label_detail", project.slug, last.pk) if last else redirect("my_labels", project.slug)


def outcome_of(label: Label) -> dict[str, Any]:
    """Whether a second person is asked; what was chosen instead, once approved, as it differs from `label`."""
    instead = Label.objects.filter(adjudication__overruled__label=label).exclude(approval=None)
    other = instead.select_related("task__interaction", "task__candidate").first()
    chosen = word_diff(label.gold or label.task.interaction.output, other.gold) if other and other.gold else []
    return {"asked": Label.objects.waiting().asked().filter(pk=label.pk).exists(), "chosen": chosen}


def around(label: Label) -> dict[str, Any]:
    """In its author's history: the label before and after it, and the queue in which they hold a task."""
    mine = Label.objects.told_to_author(label.author).filter(project=label.project_id)
    held = Claim.objects.live().filter(by=label.author_id, task__project=label.project_id).select_related("task__queue")
    return {
        "newer": mine.filter(pk__gt=label.pk).order_by("pk").first(),
        "older": mine.filter(pk__lt=label.pk).order_by("-pk").first(),
        "held": held.order_by("-claimed_at").first(), "own": True,
    }  # fmt: skip


@require_POST
@project_page(Right.LABEL)
def comment_reply(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    comment = comment_of(project, request.user, pk)
    reply(comment, by=request.user, text=form_text(request.POST, "text"))
    return thread(request, project, comment)


@require_POST
@project_page(Right.LABEL)
def comment_resolution(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    """With `reopen` the resolution is taken back."""
    comment = comment_of(project, request.user, pk)
    act = reopen if "reopen" in request.POST else resolve
    act(comment, by=request.user)
    return thread(request, project, comment)


def thread(request: HtmxHttpRequest, project: Project, comment: SpanComment) -> HttpResponse:
    if is_fragment(request):
        now = comment_of(project, request.user, comment.pk)
        return render(request, "components/_thread.html", {"project": project, "label": now.label, "comment": now})
    at = reverse("review:label_detail", args=[project.slug, comment.label_id])
    return redirect(f"{at}#comment-{comment.pk}")
