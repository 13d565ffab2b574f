"""Its addresses, and the bare page."""

from django.contrib import admin
from django.urls import include, path

from bench.logins.bare import urlpatterns as bare

urlpatterns = [*bare, path("accounts/", include("allauth.urls")), path("admin/", admin.site.urls)]
