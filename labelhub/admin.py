"""The admin of people, projects and keys."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import Q
from django.http import HttpRequest

from labelhub.errors import Refused
from labelhub.jobs.models import Job
from labelhub.keys.actions import create_key, revoke_key
from labelhub.keys.models import ApiKey, Scope
from labelhub.models import Guidelines, Membership, Project, Taxonomy, User
from labelhub.projects.actions import add_member, create_project, remove_member
from labelhub.projects.rights import Right
from labelhub.scoped_admin import ScopedAdmin


def operator(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_superuser)


def managed(request: HttpRequest) -> Any:
    """Projects whose people and keys the person manages."""
    return Project.objects.where(request.user, Right.MANAGE)


@admin.register(Project)
class ProjectAdmin(ScopedAdmin):
    list_display = ("name", "slug", "two_person_promotion", "created_at")
    fields = ("name", "slug", "two_person_promotion")

    def get_queryset(self, request: HttpRequest) -> Any:
        return managed(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return operator(request)

    def save_model(self, request: HttpRequest, obj: Project, form: Any, change: bool) -> None:
        made = create_project(
            slug=obj.slug, name=obj.name, by=request.user, two_person_promotion=obj.two_person_promotion  # type: ignore[arg-type]
        )  # fmt: skip
        obj.pk = made.pk


class MembershipForm(forms.ModelForm):
    class Meta:
        model = Membership
        fields: ClassVar = ["project", "user", "role"]


@admin.register(Membership)
class MembershipAdmin(ScopedAdmin):
    list_display = ("user", "project", "role", "since")
    list_select_related = ("user", "project")
    form = MembershipForm

    def get_queryset(self, request: HttpRequest) -> Any:
        return Membership.objects.filter(project__in=managed(request))

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "project":
            kwargs["queryset"] = managed(request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return managed(request).exists()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None or managed(request).filter(pk=obj.project_id).exists()

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        obj.pk = add_member(obj.project, obj.user, role=obj.role, by=request.user).pk  # type: ignore[arg-type]

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        remove_member(obj.project, obj.user, by=request.user)  # type: ignore[arg-type]


@admin.register(User)
class UserAdmin(ScopedAdmin):
    """People are made by operators; a password is set through the sign-in pages."""

    list_display = ("email", "name", "is_active", "date_joined")
    fields = ("email", "name", "time_zone")
    search_fields = ("email", "name")

    def get_queryset(self, request: HttpRequest) -> Any:
        everybody = User.objects.order_by("email")
        return everybody if operator(request) else everybody.filter(membership__project__in=managed(request)).distinct()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return operator(request)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        obj.set_unusable_password()
        obj.save()


class ApiKeyForm(forms.ModelForm):
    scopes = forms.MultipleChoiceField(choices=Scope.choices, widget=forms.CheckboxSelectMultiple)

    class Meta:
        model = ApiKey
        fields: ClassVar = ["project", "person", "service", "scopes"]


@admin.register(ApiKey)
class ApiKeyAdmin(ScopedAdmin):
    list_display = (
        "__str__", "project", "person", "service", "scopes", "created_at", "last_used_at", "exposed_at", "revoked_at",
    )  # fmt: skip
    list_select_related = ("project", "person")
    form = ApiKeyForm
    actions = ("revoke",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return ApiKey.objects.visible_to(request.user).order_by("-pk")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "project":
            kwargs["queryset"] = managed(request)
        if db_field.name == "person":
            kwargs["queryset"] = User.objects.filter(membership__project__in=managed(request)).distinct()
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return managed(request).exists()

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        key, text = create_key(
            obj.project, by=request.user, scopes=[Scope(s) for s in form.cleaned_data["scopes"]], person=obj.person,  # type: ignore[arg-type]
            service=obj.service,
        )  # fmt: skip
        obj.pk = key.pk
        messages.warning(request, f"Copy the key now, it is not shown again: {text}")

    @admin.action(description="Revoke the chosen keys")
    def revoke(self, request: HttpRequest, queryset: Any) -> None:
        for key in queryset:
            try:
                revoke_key(key, by=request.user)  # type: ignore[arg-type]
            except Refused as refusal:
                messages.error(request, refusal.detail)


@admin.register(Job)
class JobAdmin(ScopedAdmin):
    """What runs in the background: of their projects for admins, of no project for operators."""

    list_display = ("path", "subject", "project", "state", "attempt", "heartbeat_at", "enqueued_at", "finished_at")
    list_filter = ("state", "cluster")
    list_select_related = ("project",)

    def get_queryset(self, request: HttpRequest) -> Any:
        theirs = Q(project__in=managed(request))
        return Job.objects.filter(theirs | Q(project=None) if operator(request) else theirs).order_by("-pk")


class VersionedAdmin(ScopedAdmin):
    list_display = ("project", "version", "created_at", "by")
    list_select_related = ("project", "by")

    def get_queryset(self, request: HttpRequest) -> Any:
        return self.model._default_manager.filter(project__in=managed(request)).order_by("project", "-version")


@admin.register(Taxonomy)
class TaxonomyAdmin(VersionedAdmin):
    pass


@admin.register(Guidelines)
class GuidelinesAdmin(VersionedAdmin):
    pass
