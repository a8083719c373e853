"""The admin of people, projects and keys."""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest

from labelhub.errors import Refused
from labelhub.jobs.models import Job
from labelhub.keys.actions import create_key, revoke_key
from labelhub.keys.forms import ServiceKeyForm
from labelhub.keys.models import ApiKey, Scope
from labelhub.models import Guidelines, Membership, Project, Taxonomy, User
from labelhub.people import zones
from labelhub.people.actions import activate, create_person, deactivate
from labelhub.projects.actions import add_member, create_project, remove_member
from labelhub.projects.rights import Right
from labelhub.scoped_admin import ScopedAdmin


def operator(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_superuser)


def managed(request: HttpRequest) -> Any:
    """Projects whose people and keys the person manages."""
    return Project.objects.where(request.user, Right.MANAGE)


def each(request: HttpRequest, rows: Iterable[Any], act: Callable[..., None]) -> None:
    """`act` on each row; what is refused is said, and keeps no other row from it."""
    for row in rows:
        try:
            act(row, by=request.user)
        except Refused as refusal:
            messages.error(request, refusal.detail)


class ManagedAdmin(ScopedAdmin):
    """Rows of a project, made by whoever manages one."""

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "project":
            kwargs["queryset"] = managed(request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return managed(request).exists()


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
    """A person is named by the address, not chosen from a list: whom else this site knows is no admin's business."""

    email = forms.EmailField(
        label="E-mail address", help_text="Of somebody with an account. Who is a member already gets the new role."
    )

    class Meta:
        model = Membership
        fields: ClassVar = ["project", "role"]

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"].lower()
        person = User.objects.filter(email=email, is_active=True).first()
        if person is None:
            raise forms.ValidationError("Nobody has an open account with this address: an operator makes or opens one.")
        self.instance.user = person
        return email


@admin.register(Membership)
class MembershipAdmin(ManagedAdmin):
    list_display = ("user", "project", "role", "since")
    list_select_related = ("user", "project")
    form = MembershipForm
    fields = ("project", "user", "role", "since")
    add_fields = ("project", "email", "role")

    def get_queryset(self, request: HttpRequest) -> Any:
        return Membership.objects.filter(project__in=managed(request))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None or managed(request).filter(pk=obj.project_id).exists()

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        obj.pk = add_member(obj.project, obj.user, role=obj.role, by=request.user).pk  # type: ignore[arg-type]

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        remove_member(obj.project, obj.user, by=request.user)  # type: ignore[arg-type]

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for membership in queryset:
            self.delete_model(request, membership)


class UserForm(forms.ModelForm):
    time_zone = forms.ChoiceField(choices=zones.CHOICES, initial="UTC")

    class Meta:
        model = User
        fields: ClassVar = ["email", "name", "time_zone"]


@admin.register(User)
class UserAdmin(ScopedAdmin):
    """People are made by operators, who close their accounts too; a password is set through the sign-in pages."""

    list_display = ("email", "name", "is_active", "date_joined")
    fields = ("email", "name", "time_zone")
    form = UserForm
    search_fields = ("email", "name")
    actions = ("deactivate", "activate")

    def get_queryset(self, request: HttpRequest) -> Any:
        everybody = User.objects.order_by("email")
        return everybody if operator(request) else everybody.filter(membership__project__in=managed(request)).distinct()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return operator(request)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        made = create_person(email=obj.email, name=obj.name, time_zone=obj.time_zone, by=request.user)  # type: ignore[arg-type]
        obj.pk = made.pk

    def has_close_permission(self, request: HttpRequest) -> bool:
        return operator(request)

    @admin.action(description="Deactivate: close the accounts of the chosen people", permissions=["close"])
    def deactivate(self, request: HttpRequest, queryset: Any) -> None:
        each(request, queryset, deactivate)

    @admin.action(description="Activate: open their accounts again", permissions=["close"])
    def activate(self, request: HttpRequest, queryset: Any) -> None:
        each(request, queryset, activate)


@admin.register(ApiKey)
class ApiKeyAdmin(ManagedAdmin):
    """All keys of the project to look at and revoke; those of services to make. People make their own."""

    list_display = (
        "__str__", "project", "person", "service", "scopes", "created_at", "last_used_at", "exposed_at", "revoked_at",
    )  # fmt: skip
    list_select_related = ("project", "person")
    fields = ("project", "person", "service", "scopes", "created_by", "created_at", "exposed_at", "revoked_at")
    add_fields = ("project", "service", "scopes")
    form = ServiceKeyForm
    actions = ("revoke",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return ApiKey.objects.visible_to(request.user).order_by("-pk")

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        scopes = [Scope(scope) for scope in form.cleaned_data["scopes"]]
        key, text = create_key(obj.project, by=request.user, service=obj.service, scopes=scopes)  # type: ignore[arg-type]
        obj.pk = key.pk
        messages.warning(request, f"Copy the key now, it is not shown again: {text}")

    @admin.action(description="Revoke the chosen keys")
    def revoke(self, request: HttpRequest, queryset: Any) -> None:
        each(request, queryset, revoke_key)


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
