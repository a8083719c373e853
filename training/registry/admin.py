"""The admin of data and runs: freeze, launch, watch, cancel."""

import secrets
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import csrf_protect_m
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.urls.resolvers import URLPattern
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST, require_safe

from labelhub.errors import Refused
from labelhub.projects.models import Project
from labelhub.projects.rights import Right
from labelhub.scoped_admin import ScopedAdmin
from training.datasets.actions import Wanted
from training.datasets.models import DatasetSnapshot
from training.evaluation.actions.suites import retire_case
from training.evaluation.models import Case, Evaluation, Suite
from training.lm.recipes import NAMED
from training.registry.actions import launch_retrain, take_snapshot
from training.registry.forms import FreezeForm, LaunchForm, RetireForm
from training.registry.models import Promotion
from training.registry.pages import launch_context, run_context, suite_context
from training.runs.actions import cancel
from training.runs.models import TrainingRun


def wrapped(model_admin: ScopedAdmin, view: Any) -> Any:
    """A view of ours with the admin's own sign-in check."""
    return model_admin.admin_site.admin_view(view)


def rendered(
    model_admin: ScopedAdmin,
    request: HttpRequest,
    template: str,
    title: str,
    context: dict[str, Any],
    status: int = 200,
) -> TemplateResponse:
    """A page of ours in the admin's frame."""
    frame = {**model_admin.admin_site.each_context(request), "opts": model_admin.opts, "title": title}
    return TemplateResponse(request, f"admin/training/{template}", {**frame, **context}, status=status)


def number_in(text: str) -> int | None:
    """A row's number as it stands in an address; None where nothing stands. Raises Http404 for anything else."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Http404
    return int(text)


def trained_by(request: HttpRequest) -> "list[Project]":
    return list(Project.objects.where(request.user, Right.TRAIN).order_by("name"))


@admin.register(TrainingRun)
class TrainingRunAdmin(ScopedAdmin):
    list_display = ("__str__", "project", "state", "step", "max_steps", "snapshot", "launched_by", "created_at")
    list_filter = ("state",)
    list_select_related = ("project", "snapshot", "launched_by")
    ordering = ("-pk",)
    change_list_template = "admin/training/runs.html"

    def get_urls(self) -> list[URLPattern]:
        ours = [
            path("launch/", wrapped(self, self.launch_page), name="training_trainingrun_launch"),
            path("freeze/", wrapped(self, require_POST(self.freeze)), name="training_trainingrun_freeze"),
            path("<int:pk>/live/", wrapped(self, require_safe(self.live)), name="training_trainingrun_live"),
            path("<int:pk>/cancel/", wrapped(self, require_POST(self.cancel)), name="training_trainingrun_cancel"),
        ]
        return [*ours, *super().get_urls()]

    def _run(self, request: HttpRequest, pk: Any) -> TrainingRun:
        run: TrainingRun = self.get_object(request, str(pk))
        return run

    def _project(self, request: HttpRequest, slug: str) -> Project | None:
        """The one asked for, or the only one. Raises Http404 for one that is not theirs."""
        projects = trained_by(request)
        if not slug:
            return projects[0] if len(projects) == 1 else None
        for project in projects:
            if project.slug == slug:
                return project
        raise Http404

    @csrf_protect_m
    def launch_page(self, request: HttpRequest) -> HttpResponseBase:
        posted = request.method == "POST"
        project = self._project(request, (request.POST if posted else request.GET).get("project", ""))
        if project is None:
            return rendered(self, request, "launch.html", "Launch a retrain", {"projects": trained_by(request)})
        if posted:
            return self._launch(request, project)
        snapshot = self._snapshot(project, number_in(request.GET.get("snapshot", "")))
        first = {"token": secrets.token_hex(16), "snapshot": snapshot and snapshot.number, "recipe": "balanced"}
        return self._launch_form(request, project, snapshot, LaunchForm(initial=first))

    def _snapshot(self, project: Project, number: int | None) -> DatasetSnapshot | None:
        """The one of that number, or the newest. Raises Http404 for a number that is none."""
        rows = DatasetSnapshot.objects.of(project).newest_first()
        if number is None:
            return rows.first()
        return get_object_or_404(rows, number=number)

    def _launch_form(
        self, request: HttpRequest, project: Project, snapshot: DatasetSnapshot | None, form: LaunchForm
    ) -> TemplateResponse:
        context = {**launch_context(project, snapshot), "form": form, "freeze": FreezeForm()}
        title = f"Launch a retrain of {project}"
        return rendered(self, request, "launch.html", title, context, status=422 if form.is_bound else 200)

    def _launch(self, request: HttpRequest, project: Project) -> HttpResponseBase:
        form = LaunchForm(request.POST)
        valid, chosen = form.is_valid(), form.cleaned_data  # what is valid by itself stands there in any case
        snapshot = self._snapshot(project, chosen.get("snapshot"))
        if valid:
            wanted = {"recipe": NAMED[chosen["recipe"]], "reason": chosen["reason"], "token": chosen["token"]}
            try:
                run = launch_retrain(project, snapshot=snapshot, by=request.user, **wanted)
                return HttpResponseRedirect(reverse("admin:training_trainingrun_change", args=[run.pk]))
            except Refused as refusal:
                messages.error(request, refusal.detail)
        return self._launch_form(request, project, snapshot, form)

    @csrf_protect_m
    def freeze(self, request: HttpRequest) -> HttpResponseBase:
        project = self._project(request, request.POST.get("project", ""))
        form = FreezeForm(request.POST)
        if project is None:
            raise Http404
        if not form.is_valid():
            messages.error(request, "Give whole numbers within their limits.")
        else:
            try:
                made = take_snapshot(project, by=request.user, wanted=Wanted(**form.cleaned_data))  # type: ignore[arg-type]
                messages.success(request, f"{made} is frozen.")
            except Refused as refusal:
                messages.error(request, refusal.detail)
        return HttpResponseRedirect(f"{reverse('admin:training_trainingrun_launch')}?project={project.slug}")

    @method_decorator(require_safe)
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        run = self._run(request, object_id)
        return rendered(self, request, "run.html", f"{run} of {run.project}", run_context(run))

    def live(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """The changing part of the run page; 204 while it would look the same."""
        context = run_context(self._run(request, pk))
        if request.GET.get("seen") == context["seen"]:
            return HttpResponse(status=204)
        return TemplateResponse(request, "admin/training/_run.html", context)

    @csrf_protect_m
    def cancel(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        run = self._run(request, pk)
        try:
            cancel(run, by=request.user)  # type: ignore[arg-type]
            done = "is cancelled" if run.state == TrainingRun.State.CANCELLED else "stops at its next step"
            messages.success(request, f"{run} {done}.")
        except Refused as refusal:
            messages.error(request, refusal.detail)
        return HttpResponseRedirect(reverse("admin:training_trainingrun_change", args=[run.pk]))


@admin.register(DatasetSnapshot)
class DatasetSnapshotAdmin(ScopedAdmin):
    list_display = ("__str__", "project", "by", "content_sha256", "created_at")
    list_select_related = ("project", "by")
    ordering = ("-pk",)
    fields = ("project", "number", "by", "content_sha256", "parameters", "created_at")


@admin.register(Suite)
class SuiteAdmin(ScopedAdmin):
    list_display = ("name", "project", "kind", "created_at")
    list_select_related = ("project",)

    def get_urls(self) -> list[URLPattern]:
        retire = path("case/<int:pk>/retire/", wrapped(self, self.retire_page), name="training_suite_retire")
        return [retire, *super().get_urls()]

    @method_decorator(require_safe)
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        suite = self.get_object(request, object_id)
        asked = {name: number_in(request.GET.get(name, "")) for name in ("case", "before")}
        return rendered(self, request, "suite.html", str(suite), suite_context(suite, **asked))

    @csrf_protect_m
    def retire_page(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Asks why, and retires the case."""
        case = get_object_or_404(Case.objects.visible_to(request.user).select_related("suite__project"), pk=pk)
        form = RetireForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            try:
                retire_case(case, by=request.user, reason=form.cleaned_data["reason"])  # type: ignore[arg-type]
                messages.success(request, f"{case} is retired: no later comparison asks it.")
                return HttpResponseRedirect(reverse("admin:training_suite_change", args=[case.suite_id]))
            except Refused as refusal:
                messages.error(request, refusal.detail)
        status = 422 if form.is_bound else 200
        return rendered(self, request, "retire.html", f"Retire case {case.pk}", {"case": case, "form": form}, status)


@admin.register(Evaluation)
class EvaluationAdmin(ScopedAdmin):
    list_display = ("__str__", "project", "version", "baseline", "state", "created_at", "finished_at")
    list_select_related = ("project", "version", "baseline")
    ordering = ("-pk",)


@admin.register(Promotion)
class PromotionAdmin(ScopedAdmin):
    """What was live, and who made it so."""

    list_display = ("__str__", "project", "slot", "by", "at", "note")
    list_filter = ("slot",)
    list_select_related = ("project", "version", "by")
    ordering = ("-pk",)
