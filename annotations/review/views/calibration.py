"""Calibration items: put in and taken out on the page of the label that is their gold answer."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from annotations.review.actions.calibration import calibrate_with, calibrating, shown_result, stop_calibrating
from annotations.review.diff import word_diff
from annotations.review.lookup import label_of
from annotations.review.models import Approval, CalibrationResult, Label
from labelhub.http import HtmxHttpRequest, project_page
from labelhub.people.models import User
from labelhub.projects.models import Project
from labelhub.projects.rights import Right


@require_POST
@project_page(Right.CURATE)
def label_calibration(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    """With `stop` the case is taken out."""
    label = label_of(project, request.user, pk)
    if "stop" in request.POST:
        stop_calibrating(label, by=request.user)
        messages.info(request, "It calibrates no longer. What was judged of it stays.")
    else:
        calibrate_with(label, by=request.user)
        messages.success(request, f"Everybody is shown it once among the work of {label.task.queue}.")
    return redirect("review:label_detail", project.slug, pk)


def calibration_of(label: Label, user: User) -> dict[str, Any]:
    """For who may make it one: whether its case calibrates. For its author: how near it came to the gold answer."""
    curates = Project.objects.where(user, Right.CURATE).filter(pk=label.project_id).exists()
    is_gold = curates and Approval.objects.filter(label=label).current().exists()
    return {
        "may_calibrate": is_gold, "calibrates": is_gold and calibrating(label) is not None,
        **(compared(shown_result(label)) if label.author_id == user.pk else {}),
    }  # fmt: skip


def compared(result: CalibrationResult | None) -> dict[str, Any]:
    """What components/_calibrated.html shows; {} without a result."""
    if result is None:
        return {}
    gold, output = result.gold.label, result.gold.label.task.interaction.output
    return {
        "calibrated": result, "alike": round(100 * result.agreement),
        "gold_diff": word_diff(output, gold.rewrite) if gold.rewrite else [],
    }  # fmt: skip
