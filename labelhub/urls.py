"""Every address of the site."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from labelhub import health
from labelhub.api_docs import docs
from labelhub.people.views import me
from training.loop.home import home, project_home

handler500 = "labelhub.http.server_error"
urlpatterns = [
    path("", home, name="home"),
    path("me/", me, name="me"),
    path("p/<slug:slug>/", project_home, name="project"),
    path("", include("annotations.urls")),
    path("health/live", health.live),
    path("health/ready", health.ready),
    path("health/worker", health.worker),
    path("api/v1/", include("annotations.api_urls")),
    path("api/v1/", include("training.api_urls")),
    path("v1/", include("training.urls")),
    path("api/schema/", SpectacularAPIView.as_view(permission_classes=[]), name="schema"),
    path("api/docs/", docs, name="api_docs"),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
]
