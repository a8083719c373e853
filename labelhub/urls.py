"""Every address of the site."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("api/v1/", include("annotations.api_urls")),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
]
