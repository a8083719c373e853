"""A queue as a list, for who runs it: judge many alike at once, give them to people, undo either in one step."""

from typing import Any

from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST

from annotations.review.actions.assignments import assign
from annotations.review.actions.bulk import MOST, judge_all, take_all_back
from annotations.review.actions.suggestions import accuracy
from annotations.review.lookup import queue_of
from annotations.review.models import Assignment, Claim, Label, Queue, ReviewTask
from annotations.review.views.shown import choices
from labelhub.body import form_number
from labelhub.errors import Invalid, ensure
from labelhub.http import HtmxHttpRequest, is_fragment, project_page
from labelhub.people.models import User
from labelhub.projects.models import Project
from labelhub.projects.rights import Right

PAGE = 50
GIVEN = {"nobody": False, "people": True}  # ?given=


@require_GET
@project_page(Right.TRIAGE)
def queue_tasks(request: HtmxHttpRequest, project: Project, queue: str) -> HttpResponse:
    """?given=nobody|people narrows it down, ?before=<task id> pages on."""
    return listed(request, queue_of(project, request.user, queue))


@require_POST
@project_page(Right.TRIAGE)
def tasks_labels(request: HtmxHttpRequest, project: Project, queue: str) -> HttpResponse:
    """With `good` they are good as they are, else each has the fault `category`."""
    found, slug = queue_of(project, request.user, queue), request.POST.get("category", "")
    flawed = {"verdict": Label.Verdict.FLAWED, "categories": [{"category": slug}]}
    payload = {"verdict": Label.Verdict.GOOD} if "good" in request.POST else flawed
    outcome = judge_all(found, numbers(request.POST, "task"), by=request.user, payload=payload)
    if outcome.labels:
        undo = urlencode({"label": [label.pk for label in outcome.labels]}, doseq=True)
        back = reverse("review:tasks_undo", args=[project.slug, queue])
        messages.success(request, f"{answers(outcome.labels)} judged.", extra_tags=f"{back}?{undo}")
    left_alone(request, outcome.refused)
    return after(request, found)


@require_POST
@project_page(Right.TRIAGE)
def tasks_assignment(request: HtmxHttpRequest, project: Project, queue: str) -> HttpResponse:
    """To the people of `to`; to nobody: to everybody again."""
    found, tasks = queue_of(project, request.user, queue), numbers(request.POST, "task")
    people = list(User.objects.filter(membership__project=project, pk__in=numbers(request.POST, "to", least=0)))
    before = given(tasks)
    moved = assign(found, tasks, to=people, by=request.user)
    undo = urlencode({"was": [f"{pk}:{'-'.join(map(str, before.get(pk, [])))}" for pk in tasks]}, doseq=True)
    back = reverse("review:tasks_undo", args=[project.slug, queue])
    whom = ", ".join(map(str, people)) or "everybody"
    messages.success(request, f"{moved} given to {whom}.", extra_tags=f"{back}?{undo}" if moved else "")
    return after(request, found)


@require_POST
@project_page(Right.TRIAGE)
def tasks_undo(request: HtmxHttpRequest, project: Project, queue: str) -> HttpResponse:
    """The labels ?label=<id>… are taken back; tasks ?was=<id>:<person>-<person>… are theirs again."""
    found = queue_of(project, request.user, queue)
    outcome = take_all_back(project, numbers(request.GET, "label", least=0), by=request.user)
    for people, tasks in by_people(request.GET).items():
        assign(found, tasks, to=list(User.objects.filter(pk__in=people)), by=request.user)
    messages.info(request, "Taken back.")
    left_alone(request, outcome.refused)
    return after(request, found)


def numbers(fields: QueryDict, name: str, *, least: int = 1) -> list[int]:
    """The ids under `name`. Raises Invalid."""
    values = fields.getlist(name)
    whole = all(value.isdecimal() and len(value) < 19 for value in values)
    ensure(whole and least <= len(values) <= MOST, Invalid(f"Choose from {least} to {MOST}.", field=name))
    return [int(value) for value in values]


def by_people(fields: QueryDict) -> dict[tuple[int, ...], list[int]]:
    """People → the tasks that were theirs. Raises Invalid."""
    found: dict[tuple[int, ...], list[int]] = {}
    for value in fields.getlist("was")[:MOST]:
        task, _, people = value.partition(":")
        whole = all(part.isdecimal() and len(part) < 19 for part in [task, *filter(None, people.split("-"))])
        ensure(whole, Invalid("was must be <task>:<person>-<person>.", field="was"))
        found.setdefault(tuple(int(pk) for pk in people.split("-") if pk), []).append(int(task))
    return found


def given(tasks: list[int]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for task, person in Assignment.objects.filter(task__in=tasks).order_by("to").values_list("task", "to"):
        found.setdefault(task, []).append(person)
    return found


def answers(rows: list[Any]) -> str:
    return f"{len(rows)} answer{'' if len(rows) == 1 else 's'}"


def left_alone(request: HtmxHttpRequest, refused: list[str]) -> None:
    if refused:
        messages.warning(request, f"{answers(refused)} left alone: {refused[0]}")


def after(request: HtmxHttpRequest, queue: Queue) -> HttpResponse:
    if is_fragment(request):
        return listed(request, queue)
    return redirect("review:tasks", queue.project.slug, queue.slug)


def listed(request: HtmxHttpRequest, queue: Queue) -> HttpResponse:
    only = request.GET.get("given", "")
    of_answers = queue.mode == Queue.Mode.CORRECTION
    rows = open_tasks(queue, only, before=form_number(request.GET, "before"))
    context = {
        "project": queue.project, "queue": queue, "rows": rows[:PAGE], "only": only, "people": queue.judges(),
        "choices": choices(list(queue.project.taxonomy.category_set.all()), {}) if of_answers else [],
        "of_answers": of_answers,
        "accuracy": accuracy(queue) if queue.suggests else None,
        "more": rows[PAGE - 1].pk if len(rows) > PAGE else None,
    }  # fmt: skip
    template = "annotations/review/_tasks.html" if is_fragment(request) else "annotations/review/tasks.html"
    return render(request, template, context)


def open_tasks(queue: Queue, only: str, *, before: int) -> list[ReviewTask]:
    """One more than a page shows, the newest first, with who holds them and whom they are given to."""
    tasks = ReviewTask.objects.open().filter(queue=queue).select_related("interaction").order_by("-pk")
    if only in GIVEN:
        tasks = tasks.filter(reserved=GIVEN[only])
    if before:
        tasks = tasks.filter(pk__lt=before)
    holding = Prefetch("claim_set", Claim.objects.live().select_related("by"), to_attr="holding")
    theirs = Prefetch("assignments", Assignment.objects.select_related("to"), to_attr="given")
    return list(tasks.prefetch_related(holding, theirs)[: PAGE + 1])
