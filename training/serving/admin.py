"""The admin of versions: compare, promote, roll back."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import csrf_protect_m
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.urls.resolvers import URLPattern
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST, require_safe

from labelhub.body import form_text
from labelhub.errors import Refused
from labelhub.scoped_admin import ScopedAdmin
from training.registry.actions import evaluate_against_live
from training.registry.admin import wrapped
from training.registry.live import Slot
from training.runs.models import ModelVersion
from training.serving.actions import release, take_back
from training.serving.pages import version_context

LONGEST_ID = 18  # digits, all of which fit into 64 bits


@admin.register(ModelVersion)
class ModelVersionAdmin(ScopedAdmin):
    list_display = ("__str__", "project", "run", "adapter_sha256", "created_at")
    list_select_related = ("project", "run")
    ordering = ("-pk",)

    def get_urls(self) -> list[URLPattern]:
        ours = [
            path(f"<int:pk>/{name}/", wrapped(self, require_POST(view)), name=f"training_modelversion_{name}")
            for name, view in (("promote", self.promote), ("rollback", self.roll_back), ("evaluate", self.evaluate))
        ]
        return [*ours, *super().get_urls()]

    def _version(self, request: HttpRequest, pk: Any) -> ModelVersion:
        version = self.get_queryset(request).select_related("project", "run__snapshot", "run__launched_by")
        digits = str(pk)
        is_id = digits.isascii() and digits.isdigit() and len(digits) <= LONGEST_ID
        found = version.filter(pk=digits).first() if is_id else None
        if found is None:
            raise Http404
        return found

    @method_decorator(require_safe)
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        version = self._version(request, object_id)
        context = version_context(version, request.user)  # type: ignore[arg-type]
        title = f"{version} against {context['against']}" if context["against"] else f"{version}"
        shown = {**self.admin_site.each_context(request), "opts": self.opts, "title": title, **context}
        return TemplateResponse(request, "admin/training/version.html", shown)

    def _back(self, version: ModelVersion) -> HttpResponseRedirect:
        return HttpResponseRedirect(reverse("admin:training_modelversion_change", args=[version.pk]))

    @csrf_protect_m
    def promote(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        version = self._version(request, pk)
        slot, note = request.POST.get("slot", Slot.PRODUCTION), form_text(request.POST, "note")
        try:
            release(version, slot=slot, by=request.user, note=note)  # type: ignore[arg-type]
            messages.success(request, f"{version} is live in {slot}.")
        except Refused as refusal:
            messages.error(request, refusal.detail)
        return self._back(version)

    @csrf_protect_m
    def roll_back(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        version = self._version(request, pk)
        slot, reason = request.POST.get("slot", Slot.PRODUCTION), form_text(request.POST, "reason")
        try:
            made = take_back(version.project, slot=slot, by=request.user, reason=reason)  # type: ignore[arg-type]
            messages.success(request, f"{made.version or 'The base'} is live in {slot} again.")
        except Refused as refusal:
            messages.error(request, refusal.detail)
        return self._back(version)

    @csrf_protect_m
    def evaluate(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        version = self._version(request, pk)
        try:
            evaluate_against_live(version, by=request.user)  # type: ignore[arg-type]
            messages.success(request, f"{version} is being compared with what is live now.")
        except Refused as refusal:
            messages.error(request, refusal.detail)
        return self._back(version)
