"""Product issues: the list, one with its sessions, and a file of them for whoever mends the product."""

import json
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotations.triage.actions.issues import issue_of, listed, make_issue_of, set_state
from annotations.triage.lookup import session_of
from annotations.triage.models import Decision, ProductIssue
from annotations.triage.views.sessions import decided, following
from labelhub.body import form_number, form_text
from labelhub.http import HtmxHttpRequest, project_page
from labelhub.projects.models import Project
from labelhub.projects.rights import Right

PAGE, AT_ONCE = 50, 200  # that are shown; that are read into memory for a file


@require_POST
@project_page(Right.TRIAGE)
def session_issue(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    """`title` names the issue, an old one or a new one."""
    session, after = session_of(project, request.user, pk), following(request, project, pk)
    decision = make_issue_of(session, title=form_text(request.POST, "title"), by=request.user)
    return decided(request, project, [decision], after, f"Put under the issue “{decision.issue}”.")


@require_GET
@project_page(Right.TRIAGE)
def issue_list(request: HtmxHttpRequest, project: Project) -> HttpResponse:
    """The newest first; ?before=<issue id> pages on."""
    rows = list(listed(project, form_number(request.GET, "before"))[: PAGE + 1])
    page = {"project": project, "rows": rows[:PAGE], "more": rows[PAGE - 1].pk if len(rows) > PAGE else None}
    return render(request, "annotations/triage/issues.html", page)


@require_http_methods(["GET", "POST"])
@project_page(Right.TRIAGE)
def issue_page(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    """One with the sessions in which it was met, the newest first; ?before=<decision id> pages on.

    A post of `state` closes it or opens it again.
    """
    issue = issue_of(project.pk, pk)
    if request.method == "POST":
        set_state(issue, to=form_text(request.POST, "state"), by=request.user)
        messages.success(request, f"It is {issue.state}.")
        return redirect("triage:issue", project.slug, pk)
    found = Decision.objects.filter(issue=issue)
    before = form_number(request.GET, "before")
    rows = found.filter(pk__lt=before) if before else found
    met = list(rows.select_related("by").prefetch_related("flags__interaction").order_by("-pk")[: PAGE + 1])
    more = met[PAGE - 1].pk if len(met) > PAGE else None
    page = {"project": project, "issue": issue, "met": met[:PAGE], "more": more, "number": found.count()}
    return render(request, "annotations/triage/issue.html", page)


@require_GET
@project_page(Right.TRIAGE)
def issue_sessions(request: HtmxHttpRequest, project: Project, pk: int) -> StreamingHttpResponse:
    """JSON Lines: a flagged answer a line, with its question and why. A browser saves it by its address."""
    issue = issue_of(project.pk, pk)
    met = Decision.objects.filter(issue=issue).order_by("pk").prefetch_related("flags__interaction__session")
    flags = (flag for decision in met.iterator(chunk_size=AT_ONCE) for flag in decision.flags.all())
    lines = (json.dumps(_line(issue, flag), ensure_ascii=False) + "\n" for flag in flags)
    return StreamingHttpResponse(lines, content_type="application/jsonl; charset=utf-8")


def _line(issue: ProductIssue, flag: Any) -> dict[str, Any]:
    answer = flag.interaction
    return {
        "issue": issue.title, "state": issue.state, "session": answer.session.external_id,
        "interaction": answer.external_id, "prompt": answer.prompt, "output": answer.output,
        "evidence": flag.evidence, "severity": flag.severity, "occurred_at": answer.occurred_at.isoformat(),
    }  # fmt: skip
