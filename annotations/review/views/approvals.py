"""The second person's pages: what waits, one label with all that it rests on, approve or send back."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from annotations.review.actions.approvals import approve_all, approve_next, needs_two, send_back
from annotations.review.diff import word_diff
from annotations.review.disputes import disputed
from annotations.review.lookup import label_of
from annotations.review.models import FirstApproval, Ground, Label, LabelQuerySet, ReviewTask
from annotations.review.views.bulk import left_alone, numbers
from annotations.review.views.shown import facts, label_notes, marks, signs
from labelhub.body import form_text
from labelhub.http import HtmxHttpRequest, is_fragment, project_page
from labelhub.people.models import User
from labelhub.projects.models import Project
from labelhub.projects.rights import Right

PAGE = 50
TABS = {"waiting": "Waiting", "agreed": "Agreed on", "unasked": "Not asked for"}
DISAGREEMENTS = {"disagreements": "Disagreements"}
NAMES = {
    "waiting": "Waiting for a second person", "agreed": "Several people say the same",
    "unasked": "Spared by the policy of their queue",
}  # fmt: skip
FIRST = "Approved first. It helps once somebody else approves it too."
HELPS = "Approved. It helps similar questions from now on."
CHOSEN = "Approved. It tells the model which of two answers people prefer."


@require_GET
@project_page(Right.APPROVE)
def approvals(request: HtmxHttpRequest, project: Project) -> HttpResponse:
    """The list, and its first label beside it where there is room. ?tab= is one of TABS."""
    return page(request, project, None, first=True)


@require_GET
@project_page(Right.APPROVE)
def label_page(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    return page(request, project, label_of(project, request.user, pk))


@require_POST
@project_page(Right.APPROVE)
def label_approval(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    label = label_of(project, request.user, pk)
    after = following(request, project, pk)
    approval = approve_next(label, by=request.user, ground=request.POST.get("ground", ""))
    only_first = isinstance(approval, FirstApproval)
    messages.success(request, FIRST if only_first else CHOSEN if label.is_choice else HELPS)
    return decided(request, project, after)


@require_POST
@project_page(Right.APPROVE)
def label_return(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    label = label_of(project, request.user, pk)
    after = following(request, project, pk)
    send_back(label, by=request.user, reason=form_text(request.POST, "reason"))
    messages.success(request, f"Sent back to {label.author}.")
    return decided(request, project, after)


@require_POST
@project_page(Right.APPROVE)
def labels_approvals(request: HtmxHttpRequest, project: Project) -> HttpResponse:
    """Those that are chosen in the list, each by itself."""
    labels = Label.objects.visible_to(request.user).filter(project=project, pk__in=numbers(request.POST, "label"))
    ground = request.POST.get("ground", "")
    outcome = approve_all(labels.with_evidence().order_by("pk"), by=request.user, ground=ground)
    if outcome.approved:
        messages.success(request, f"{outcome.approved} approved.")
    left_alone(request, outcome.refused)
    return decided(request, project, listed(request, project).first())


def tab_of(request: HtmxHttpRequest) -> str:
    tab = request.GET.get("tab", "")
    return tab if tab in TABS else "waiting"


def found(project: Project, user: User, tab: str) -> LabelQuerySet:
    """Labels of others under one of TABS, that nobody decided on, the oldest first."""
    labels = Label.objects.visible_to(user).filter(project=project)
    asked = labels.for_approval_by(user)
    if tab == "waiting":
        return asked.order_by("pk")
    others = labels.waiting().exclude(author=user).exclude(verdict=Label.Verdict.CANNOT_JUDGE)
    return (others.agreed() if tab == "agreed" else others.exclude(pk__in=asked.values("pk"))).order_by("pk")


def listed(request: HtmxHttpRequest, project: Project) -> LabelQuerySet:
    return found(project, request.user, tab_of(request)).with_disputes().with_evidence()


def tabs(project: Project, user: User) -> list[tuple[str, str, int]]:
    """(name, words, how many) of each tab, that of the disagreements too."""
    numbers = {name: found(project, user, name).count() for name in TABS}
    numbers["disagreements"] = disputed(project, user).count()
    return [(name, words, numbers[name]) for name, words in (TABS | DISAGREEMENTS).items()]


def following(request: HtmxHttpRequest, project: Project, pk: int) -> Label | None:
    """What comes up after the decision on `pk`: the next one, else the first that is left."""
    others = listed(request, project).exclude(pk=pk)
    return others.filter(pk__gt=pk).first() or others.first()


def decided(request: HtmxHttpRequest, project: Project, after: Label | None) -> HttpResponse:
    if is_fragment(request):
        return page(request, project, after)
    args = [project.slug] if after is None else [project.slug, after.pk]
    return redirect(reverse("review:approvals" if after is None else "review:label_page", args=args) + at_tab(request))


def at_tab(request: HtmxHttpRequest) -> str:
    tab = tab_of(request)
    return f"?tab={tab}" if tab != "waiting" else ""


def page(request: HtmxHttpRequest, project: Project, label: Label | None, *, first: bool = False) -> HttpResponse:
    """`label` on a phone covers the list; `first`: that of the list, beside it where there is room."""
    rows = list(listed(request, project)[:PAGE])
    label = rows[0] if first and rows else label
    context = {
        "project": project, "rows": rows, "label": label, "opened": label and not first, "tab": tab_of(request),
        "tabs": tabs(project, request.user), "at_tab": at_tab(request), "tab_name": NAMES[tab_of(request)],
    }  # fmt: skip
    if label:
        context |= rests_on(label) | neighbours([row.pk for row in rows], label.pk) | may(request.user, label)
    template = "annotations/review/_decided.html" if is_fragment(request) else "annotations/review/approvals.html"
    return render(request, template, context)


def may(user: User, label: Label) -> dict[str, Any]:
    """What `user` can decide of `label` now."""
    waits = Label.objects.waiting().filter(pk=label.pk)
    free = waits.exclude(author=user).exclude(first_approval__by=user).exists()
    over = label.task.state != ReviewTask.State.OPEN
    return {
        "may_decide": free, "may_settle": free and over, "grounds": Ground.choices if needs_two(label.task) else [],
        "is_disputed": waits.contested().exists(),
    }  # fmt: skip


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
