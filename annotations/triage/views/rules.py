"""The rules of a project: what each did, and one of them with what it would have flagged."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from annotations.triage.actions.flags import rules_of
from annotations.triage.actions.rules import Settings, add_word_list, change_rule, put
from annotations.triage.lookup import rule_of
from annotations.triage.models import Flag, Rule
from annotations.triage.preview import DAYS, preview, with_figures
from annotations.triage.rules import CHECKS
from labelhub.body import form_number, form_text
from labelhub.errors import Conflict, Invalid, Refused, StaleState
from labelhub.http import HtmxHttpRequest, is_fragment, project_page
from labelhub.projects.models import Project
from labelhub.projects.rights import Right

SHOWN, LOGGED = 5, 20  # answers that a preview quotes; flags that a rule's page lists
SEVERITIES = [(1, "hardly matters"), (2, "misleads"), (3, "does harm")]


@require_http_methods(["GET", "POST"])
@project_page(Right.CURATE)
def rule_list(request: HtmxHttpRequest, project: Project) -> HttpResponse:
    """All of them; a post adds a list of words."""
    name = form_text(request.POST, "name")
    page: dict[str, Any] = {"project": project, "name": name}
    if request.method == "POST":
        try:
            made = add_word_list(project, name, by=request.user)
            return redirect("triage:rule", project.slug, made.pk)
        except (Invalid, Conflict) as refusal:
            page["refusal"] = refusal
    rules_of(project)
    page |= {"days": DAYS, "rules": with_figures(Rule.objects.filter(project=project)).order_by("-active", "pk")}
    return render(request, "annotations/triage/rules.html", page, status=status_of(page.get("refusal")))


@require_http_methods(["GET", "POST"])
@project_page(Right.CURATE)
def rule_page(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    """One rule; a post saves it, or with `preview` shows what it would have flagged as it is typed."""
    found = rule_of(project, pk)
    page: dict[str, Any] = {"project": project}
    if request.method == "POST":
        try:
            return _posted(request, found)
        except (Invalid, StaleState) as refusal:
            page |= {"refusal": refusal, "typed": request.POST}
    page |= shown(found) | {"preview": preview(found), "log": _log(found)}
    return render(request, "annotations/triage/rule.html", page, status=status_of(page.get("refusal")))


def _posted(request: HtmxHttpRequest, found: Rule) -> HttpResponse:
    """Raises Invalid, StaleState."""
    settings = settings_of(request.POST)
    if "preview" not in request.POST:
        saved = change_rule(found, settings, after=form_number(request.POST, "after"), by=request.user)
        messages.success(request, "Saved. It flags what comes in from now on." if saved.active else "Saved. It is off.")
        return redirect("triage:rules", found.project.slug)
    page = {"project": found.project, **shown(put(settings, found)), "preview": preview(found), "log": _log(found)}
    template = "annotations/triage/_preview.html" if is_fragment(request) else "annotations/triage/rule.html"
    return render(request, template, page)


def settings_of(post: QueryDict) -> Settings:
    """Raises Invalid."""
    return Settings(
        active="active" in post,
        severity=int(typed_number(post, "severity", "2")),
        share=typed_number(post, "share", "100") / 100,
        threshold=typed_number(post, "threshold", "") if post.get("threshold") else None,
        words=form_text(post, "words"),
    )


def typed_number(post: QueryDict, name: str, default: str) -> float:
    try:
        return float(post.get(name, default).replace(",", "."))
    except ValueError as error:
        raise Invalid(f"{name} must be a number.", field=name) from error


def shown(found: Rule) -> dict[str, Any]:
    check = CHECKS[found.kind]
    threshold = found.threshold if found.threshold is not None else check.threshold
    return {
        "rule": found, "limit": check.limit, "least": check.bounds[0], "most": check.bounds[1], "threshold": threshold,
        "share": 100 * found.share, "severities": SEVERITIES, "is_list": found.kind == Rule.Kind.WORDS, "days": DAYS,
        "quoted": SHOWN,
    }  # fmt: skip


def _log(found: Rule) -> Any:
    flags = Flag.objects.filter(rule=found).select_related("interaction").prefetch_related("decisions__by")
    return flags.order_by("-pk")[:LOGGED]


def status_of(refusal: Any) -> int:
    return refusal.status if isinstance(refusal, Refused) else 200
