"""What a project is judged by, and the next version of it: its categories and its guidelines."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from labelhub.body import form_number, form_text
from labelhub.errors import Invalid, StaleState
from labelhub.http import HtmxHttpRequest, project_page
from labelhub.projects.actions import save_guidelines, save_taxonomy
from labelhub.projects.models import Guidelines, Project, Taxonomy
from labelhub.projects.outline import read_outline, write_outline
from labelhub.projects.rights import Right

Save = Callable[[str, int], Taxonomy | Guidelines]  # of what was typed, after the version that it was typed over


@require_http_methods(["GET", "POST"])
@project_page(Right.CURATE)
def taxonomy(request: HtmxHttpRequest, project: Project) -> HttpResponse:
    def save(typed: str, after: int) -> Taxonomy:
        return save_taxonomy(project, read_outline(typed), after=after, by=request.user)

    return judged_by(request, project, project.taxonomy, write_outline(project.taxonomy.entries), save)


@require_http_methods(["GET", "POST"])
@project_page(Right.CURATE)
def guidelines(request: HtmxHttpRequest, project: Project) -> HttpResponse:
    def save(typed: str, after: int) -> Guidelines:
        return save_guidelines(project, typed, after=after, by=request.user)

    return judged_by(request, project, project.guidelines, project.guidelines.text, save)


def judged_by(
    request: HtmxHttpRequest, project: Project, now: Taxonomy | Guidelines, stands: str, save: Save
) -> HttpResponse:
    """The page of one of them: what `stands` now in a text area. What is refused stays there as it was typed."""
    what = now._meta.model_name or ""
    page = {"project": project, "now": now, "what": what, "text": stands}
    if request.method == "GET":
        return render(request, f"projects/{what}.html", page)
    typed = form_text(request.POST, "text")
    try:
        saved = save(typed, form_number(request.POST, "after"))
    except (Invalid, StaleState) as refusal:
        page |= {
            "text": typed,
            "not_saved": refusal.detail,
            "meanwhile": stands if isinstance(refusal, StaleState) else "",
        }
        return render(request, f"projects/{what}.html", page, status=refusal.status)
    messages.success(request, f"Saved as version {saved.version}. What was judged before stays as it is.")
    return redirect(what, project.slug)
