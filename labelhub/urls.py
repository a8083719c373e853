"""Every address of the site."""

from django.contrib import admin
from django.urls import include, path

from labelhub import health
from labelhub.people.views import me
from training.loop.home import home, project_home

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
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
]
