"""Settling what people said of one task: side by side, one chosen or the final one written, with the reason."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from annotations.review.actions.adjudications import choose, write_final
from annotations.review.actions.approvals import needs_two
from annotations.review.actions.labels import as_payload
from annotations.review.disputes import answers, disputed
from annotations.review.lookup import label_of, task_of
from annotations.review.models import Adjudication, Ground, Label, ReviewTask
from annotations.review.views.approvals import PAGE, neighbours, tabs
from annotations.review.views.form import read_choice, read_form
from annotations.review.views.shown import LEVELS, choices, facts, label_notes, marks
from labelhub.body import form_text
from labelhub.errors import Invalid, NotFound, ensure
from labelhub.http import HtmxHttpRequest, is_fragment, project_page
from labelhub.people.models import User
from labelhub.projects.models import Project
from labelhub.projects.rights import Right

CHOSEN = "Settled and approved. Everybody who judged it is told."
OWN = "Settled with your answer. It waits for somebody else's approval."


@require_GET
@project_page(Right.APPROVE)
def adjudications(request: HtmxHttpRequest, project: Project) -> HttpResponse:
    rows = disputed(project, request.user)
    context = {"project": project, "rows": rows[:PAGE], "tabs": tabs(project, request.user), "tab": "disagreements"}
    return render(request, "annotations/review/adjudications.html", context)


@require_http_methods(["GET", "POST"])
@project_page(Right.APPROVE)
def adjudication(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    """GET shows what people said of a task; POST chooses one of them, or takes an answer of one's own."""
    task = task_of(project, request.user, pk)
    if request.method == "GET":
        return page(request, project, task)
    after = following(project, request.user, pk)
    settled = settle(request, task)
    own = settled.label.author_id == request.user.pk
    undo = reverse("review:withdrawal", args=[project.slug, settled.label_id]) if own else ""
    messages.success(request, OWN if own else CHOSEN, extra_tags=undo)
    if is_fragment(request):
        return page(request, project, task_of(project, request.user, after) if after else None)
    name, at = ("review:adjudication", [after]) if after else ("review:adjudications", [])
    return redirect(name, project.slug, *at)


def settle(request: HtmxHttpRequest, task: ReviewTask) -> Adjudication:
    """What the form decides. Raises Invalid, and as the actions do."""
    post, reason = request.POST, form_text(request.POST, "reason")
    final = post.get("final", "")
    if final == "own":
        payload = read_choice(post, swapped=False) if task.candidate else read_form(post, task.interaction.output)
        return write_final(task, by=request.user, payload=payload, reason=reason)
    ensure(final.isdecimal() and len(final) < 19, Invalid("Choose an answer, or write the final one.", field="final"))
    label = label_of(task.project, request.user, int(final))
    ensure(label.task_id == task.pk, NotFound())
    return choose(label, by=request.user, reason=reason, ground=post.get("ground", ""))


def following(project: Project, user: User, pk: int) -> int | None:
    """What comes up after the decision on `pk`: the next one, else the first that is left."""
    others = disputed(project, user).exclude(pk=pk).values_list("pk", flat=True)
    return others.filter(pk__gt=pk).first() or others.first()


def page(request: HtmxHttpRequest, project: Project, task: ReviewTask | None) -> HttpResponse:
    context: dict[str, Any] = {"project": project, "task": task}
    if task:
        order = list(disputed(project, request.user).values_list("pk", flat=True)[:PAGE])
        place = order.index(task.pk) + 1 if task.pk in order else 0
        context |= side_by_side(task, request.user) | neighbours(order, task.pk) | {"place": place, "of": len(order)}
    name = "_adjudication" if is_fragment(request) else "adjudication"
    return render(request, f"annotations/review/{name}.html", context)


def side_by_side(task: ReviewTask, user: User) -> dict[str, Any]:
    said = answers(task)
    waiting = [answer.label for answer in said if answer.waits]
    content = before(task, user) or (as_payload(said[0].label) if len(said) == 1 else {})
    notes = {answer.number: label_notes(answer.label.comments.all()) for answer in said}
    output = task.interaction.output
    return {
        "columns": [(answer, notes[answer.number], marks(output, notes[answer.number])) for answer in said],
        "facts": facts(task.interaction), "content": content, "levels": LEVELS,
        "choices": [] if task.candidate else choices(task.project.taxonomy.category_set.all(), content),
        "picks": [(one.value, one.label) for one in Label.CHOICES],
        "grounds": Ground.choices if needs_two(task) else [],
        "may_settle": bool(waiting) and user.pk not in {label.author_id for label in waiting},
    }  # fmt: skip


def before(task: ReviewTask, user: User) -> dict[str, Any]:
    """What `user` had written as the final answer and took back, or was sent back; {} without one."""
    label = Label.objects.filter(task=task, author=user).exclude(pk__in=Label.objects.standing()).last()
    return as_payload(label) if label else {}
