"""The second person's pages: what waits, one label with all that it rests on, approve or send back."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from annotations.review.actions.approvals import approve, send_back
from annotations.review.diff import word_diff
from annotations.review.lookup import label_of
from annotations.review.models import Label
from annotations.review.views.shown import facts, label_notes, marks, signs
from labelhub.body import form_text
from labelhub.http import HtmxHttpRequest, is_fragment, project_page
from labelhub.people.models import User
from labelhub.projects.models import Project
from labelhub.projects.rights import Right

PAGE = 50
CHOSEN = "Approved. It tells the model which of two answers people prefer."


@require_GET
@project_page(Right.APPROVE)
def approvals(request: HtmxHttpRequest, project: Project) -> HttpResponse:
    """The list, and its first label beside it where there is room."""
    return page(request, project, waiting(project, request.user).first(), opened=False)


@require_GET
@project_page(Right.APPROVE)
def label_page(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    return page(request, project, label_of(project, request.user, pk))


@require_POST
@project_page(Right.APPROVE)
def label_approval(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    label = label_of(project, request.user, pk)
    after = following(project, request.user, pk)
    approve(label, by=request.user)
    messages.success(request, CHOSEN if label.is_choice else "Approved. It helps similar questions from now on.")
    return decided(request, project, after)


@require_POST
@project_page(Right.APPROVE)
def label_return(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    label = label_of(project, request.user, pk)
    after = following(project, request.user, pk)
    send_back(label, by=request.user, reason=form_text(request.POST, "reason"))
    messages.success(request, f"Sent back to {label.author}.")
    return decided(request, project, after)


def waiting(project: Project, user: User) -> QuerySet[Label]:
    """Labels of others that nobody decided on, the oldest first."""
    labels = Label.objects.visible_to(user).filter(project=project).for_approval_by(user)
    return labels.with_evidence().order_by("pk")


def following(project: Project, user: User, pk: int) -> Label | None:
    """What comes up after the decision on `pk`: the next one, else the first that is left."""
    others = waiting(project, user).exclude(pk=pk)
    return others.filter(pk__gt=pk).first() or others.first()


def decided(request: HtmxHttpRequest, project: Project, after: Label | None) -> HttpResponse:
    if is_fragment(request):
        return page(request, project, after)
    if after is None:
        return redirect("review:approvals", project.slug)
    return redirect("review:label_page", project.slug, after.pk)


def page(request: HtmxHttpRequest, project: Project, label: Label | None, *, opened: bool = True) -> HttpResponse:
    """`opened`: on a phone the label covers the list."""
    found = waiting(project, request.user)
    rows = list(found[:PAGE])
    context = {"project": project, "rows": rows, "total": found.count(), "label": label, "opened": opened and label}
    if label:
        context |= rests_on(label) | neighbours([row.pk for row in rows], label.pk)
        context["may_decide"] = found.filter(pk=label.pk).exists()
    template = "annotations/review/_decided.html" if is_fragment(request) else "annotations/review/approvals.html"
    return render(request, template, context)


def neighbours(pks: list[int], at: int) -> dict[str, int | None]:
    """The ids before and after `at` in the list, None at its ends."""
    place = pks.index(at) if at in pks else -1
    return {
        "previous": pks[place - 1] if place > 0 else None,
        "next": pks[place + 1] if place + 1 < len(pks) else None,
    }


def rests_on(label: Label) -> dict[str, Any]:
    interaction = label.task.interaction
    notes = label_notes(label.comments.all())
    return {
        "facts": facts(interaction), "signs": signs(interaction.feedback_set.order_by("occurred_at")), "notes": notes,
        "marks": marks(interaction.output, notes),
        "diff": word_diff(interaction.output, label.rewrite) if label.rewrite else [],
        "revised": word_diff(label.revises.gold, label.gold) if label.revises else [],
    }  # fmt: skip
