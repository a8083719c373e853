"""The scores of a project in one table; the judge model's rubric, and how far it agrees with the experts."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from annotations.capture.actions.scores import Definition, save_metric
from annotations.capture.models import Metric, Score
from annotations.capture.scoring import JUDGE
from annotations.triage.judge import FIRST_RUBRIC
from annotations.triage.scores import ENOUGH, LOOKED_AT, SHOWN, WINDOWS, behind, judge_agreement, lines
from annotations.triage.views.rules import status_of, typed_number
from labelhub.body import form_number, form_text
from labelhub.errors import Invalid, StaleState
from labelhub.http import HtmxHttpRequest, project_page
from labelhub.projects.models import Project
from labelhub.projects.rights import Right

VERSIONS = 10  # of the rubric, the newest, that are shown
FIRST = Metric(name=JUDGE, version=0, description=FIRST_RUBRIC, threshold=0.5, share=0.05)


@require_http_methods(["GET", "POST"])
@project_page(Right.TRIAGE)
def score_page(request: HtmxHttpRequest, project: Project) -> HttpResponse:
    """?of=<line>&days=<n>&says=<class> lists the answers behind a number; a post saves the next rubric."""
    page: dict[str, Any] = {"project": project}
    if request.method == "POST":
        try:
            saved = save_metric(
                project, rubric_in(request.POST), after=form_number(request.POST, "after"), by=request.user
            )
            messages.success(request, f"Saved as version {saved.version}. Earlier scores stay those of their version.")
            return redirect("triage:scores", project.slug)
        except (Invalid, StaleState) as refusal:
            page |= {"refusal": refusal, "typed": request.POST, "is_stale": isinstance(refusal, StaleState)}
    page |= table(request, project) | judge(project)
    return render(request, "annotations/triage/scores.html", page, status=status_of(page.get("refusal")))


def rubric_in(post: QueryDict) -> Definition:
    """Raises Invalid."""
    return Definition(
        name=JUDGE,
        source=Metric.Source.JUDGE,
        description=form_text(post, "rubric"),
        threshold=typed_number(post, "threshold", ""),
        share=typed_number(post, "share", "") / 100,
    )


def table(request: HtmxHttpRequest, project: Project) -> dict[str, Any]:
    """The lines and, where one is asked for, what is behind its number."""
    days, found = form_number(request.GET, "days"), lines(project)
    of, says = form_text(request.GET, "of"), form_text(request.GET, "says")
    line = next((one for one in found if (one.key, one.says) == (of, says)), None) if days in WINDOWS else None
    rated = behind(project, of, days, says) if line else []
    return {
        "lines": found, "line": line, "days": days, "rated": rated, "shown": SHOWN, "windows": WINDOWS,
        "looked_at": f"{LOOKED_AT:,}",
    }  # fmt: skip


def judge(project: Project) -> dict[str, Any]:
    rubrics = Metric.objects.filter(project=project, name=JUDGE).select_related("by").order_by("-version")
    versions = list(rubrics[:VERSIONS])
    rubric, scores = versions[0] if versions else FIRST, Score.objects.filter(project=project)
    return {
        "judge_model": settings.LABELHUB_JUDGE_URL and settings.LABELHUB_JUDGE_MODEL, "rubric": rubric,
        "share": 100 * rubric.share, "versions": versions, "agreement": judge_agreement(project), "enough": ENOUGH,
        "waiting": scores.awaited().count(), "missed": scores.missed().count(),
        "last_missed": scores.missed().order_by("-at").first(),
    }  # fmt: skip
