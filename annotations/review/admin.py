"""The admin of queues: the one page that makes them, and changes how they are judged."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from annotations.review.actions.queues import create_queue, ensure_fits, update_queue
from annotations.review.models import Queue
from labelhub.admin import ManagedAdmin, managed
from labelhub.errors import Invalid
from labelhub.people.models import User

SET_UP = (
    "name", "instructions", "order", "assignment", "random_tenth", "overlap", "lease_minutes", "calibration_every",
    "calibration_feedback", "suggests", "approve_which", "approve_share", "approve_twice", "threads_block", "reviewers",
)  # fmt: skip


class QueueForm(forms.ModelForm):
    class Meta:
        model = Queue
        fields: ClassVar = ["project", "slug", "mode", *SET_UP]
        widgets: ClassVar = {"reviewers": forms.CheckboxSelectMultiple}
        help_texts: ClassVar = {
            "lease_minutes": "For how long one holds a task without touching it.",
            "order": "Which task is served next. A change takes effect task by task within seconds.",
        }

    def clean(self) -> dict[str, Any]:
        """What the action would refuse is said beside its field."""
        fields: dict[str, Any] = super().clean() or self.cleaned_data
        project = fields.get("project") or (self.instance.project if self.instance.pk else None)
        if project and not self.errors:
            try:
                ensure_fits(project, {name: fields[name] for name in SET_UP})  # type: ignore[arg-type]
            except Invalid as refusal:
                self.add_error(refusal.extra["field"], refusal.detail)
        return fields


@admin.register(Queue)
class QueueAdmin(ManagedAdmin):
    list_display = ("name", "project", "order", "overlap", "lease_minutes")
    list_select_related = ("project",)
    ordering = ("project__name", "name")
    fields = ("project", "slug", "mode", *SET_UP)
    form = QueueForm

    def get_queryset(self, request: HttpRequest) -> Any:
        return Queue.objects.filter(project__in=managed(request))

    def get_readonly_fields(self, request: HttpRequest, obj: Queue | None = None) -> tuple[str, ...]:
        """An address that people have kept stays one, and what is asked stays what was answered."""
        return ("project", "slug", "mode") if obj else ()

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        people = User.objects.filter(membership__project__in=managed(request)).distinct().order_by("name", "email")
        return super().formfield_for_manytomany(db_field, request, **{**kwargs, "queryset": people})

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return managed(request).exists() if obj is None else managed(request).filter(pk=obj.project_id).exists()

    def save_model(self, request: HttpRequest, obj: Queue, form: Any, change: bool) -> None:
        fields: dict[str, Any] = {name: form.cleaned_data[name] for name in SET_UP}
        if change:
            update_queue(obj, by=request.user, **fields)  # type: ignore[arg-type]
        else:
            obj.pk = create_queue(obj.project, slug=obj.slug, mode=obj.mode, by=request.user, **fields).pk  # type: ignore[arg-type]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The action has set the reviewers."""
