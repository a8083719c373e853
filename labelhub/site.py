"""The stock admin, wearing our tokens, open to admins of a project and to operators; hashed static files."""

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.http import HttpRequest

from labelhub.projects.rights import Role


class LabelHubAdminSite(AdminSite):
    site_header = site_title = "LabelHub"
    index_title = "Administration"
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        """Admins of any project, and operators. What they see inside is scoped by each ModelAdmin."""
        user: Any = request.user
        if not user.is_authenticated or not user.is_active:
            return False
        return bool(user.is_superuser or user.membership_set.filter(role=Role.ADMIN).exists())


class LabelHubAdmin(AdminConfig):
    default_site = "labelhub.site.LabelHubAdminSite"


class HashedModules(ManifestStaticFilesStorage):
    """Content-hashed names for files, also inside JavaScript `import` lines."""

    support_js_module_import_aggregation = True
