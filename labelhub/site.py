"""The stock admin, wearing our tokens, open to admins of a project and to operators; hashed static files."""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from labelhub.projects.rights import Role

WITHOUT_PAGE = {
    "auth.Group", "django_q.Schedule", "django_q.Success", "django_q.Failure", "django_q.OrmQ", "account.EmailAddress",
}  # fmt: skip


class LabelHubAdminSite(AdminSite):
    site_header = site_title = "LabelHub"
    index_title = "Administration"
    enable_nav_sidebar = False

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """As always, but for django-q's tables, whose pages would run code, and for groups, which mean nothing here."""
        models = model_or_iterable if isinstance(model_or_iterable, list | tuple) else [model_or_iterable]
        kept = [model for model in models if model._meta.label not in WITHOUT_PAGE]
        super().register(kept, admin_class, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        """Admins of any project, and operators. What they see inside is scoped by each ModelAdmin."""
        user: Any = request.user
        if not user.is_authenticated or not user.is_active:
            return False
        return bool(user.is_superuser or user.membership_set.filter(role=Role.ADMIN).exists())

    def get_urls(self) -> list[Any]:
        """Without the doors to rows of any table: nothing here has an address of its own, nor a search box for it."""
        return [one for one in super().get_urls() if getattr(one, "name", "") not in {"view_on_site", "autocomplete"}]

    @method_decorator(never_cache)
    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The site's own sign-in, which counts attempts: the admin has no second door."""
        if request.user.is_authenticated and not self.has_permission(request):
            raise PermissionDenied
        after = request.GET.get("next") or reverse("admin:index")  # allauth keeps to addresses of this site
        return redirect(f"{settings.LOGIN_URL}?{urlencode({'next': after})}")


class LabelHubAdmin(AdminConfig):
    default_site = "labelhub.site.LabelHubAdminSite"


class HashedModules(ManifestStaticFilesStorage):
    """Content-hashed names for files, also inside JavaScript `import` lines."""

    support_js_module_import_aggregation = True
