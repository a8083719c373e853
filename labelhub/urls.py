"""Every address of the site."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from labelhub import health
from labelhub.api_docs import docs
from labelhub.keys.views import my_keys, revoked_keys
from labelhub.notices.views import my_notices, read_notices
from labelhub.people.views import me, my_shortcuts
from labelhub.projects import api as projects_api
from labelhub.projects.views import guidelines, taxonomy
from training.loop.views import case_list, case_standing, home, my_labels, project_home, session_answers

handler400, handler403 = "labelhub.http.bad_request", "labelhub.http.forbidden"
handler404, handler500 = "labelhub.http.not_found", "labelhub.http.server_error"
urlpatterns = [
    path("", home, name="home"),
    path("me/", me, name="me"),
    path("me/shortcuts/", my_shortcuts, name="my_shortcuts"),
    path("me/keys/", my_keys, name="my_keys"),
    path("me/keys/revoked/", revoked_keys, name="revoked_keys"),
    path("me/notices/", my_notices, name="my_notices"),
    path("me/notices/read/", read_notices, name="read_notices"),
    path("p/<slug:slug>/", project_home, name="project"),
    path("p/<slug:slug>/labels/", my_labels, name="my_labels"),
    path("p/<slug:slug>/cases/", case_list, name="cases"),
    path("p/<slug:slug>/cases/<int:pk>/", case_standing, name="case_standing"),
    path("p/<slug:slug>/sessions/<int:pk>/answers/", session_answers, name="session_answers"),
    path("p/<slug:slug>/taxonomy/", taxonomy, name="taxonomy"),
    path("p/<slug:slug>/guidelines/", guidelines, name="guidelines"),
    path("", include("annotations.urls")),
    path("health/live", health.live),
    path("health/ready", health.ready),
    path("health/worker", health.worker),
    path("api/v1/taxonomy/", projects_api.taxonomy),
    path("api/v1/guidelines/", projects_api.guidelines),
    path("api/v1/", include("annotations.api_urls")),
    path("api/v1/", include("training.api_urls")),
    path("v1/", include("training.urls")),
    path("api/schema/", SpectacularAPIView.as_view(permission_classes=[]), name="schema"),
    path("api/docs/", docs, name="api_docs"),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
]
