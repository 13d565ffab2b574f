"""Its addresses, and the bare page."""

from django.contrib import admin
from django.urls import include, path
from two_factor.urls import urlpatterns as two_factor

from bench.logins.bare import urlpatterns as bare

urlpatterns = [*bare, path("", include(two_factor)), path("admin/", admin.site.urls)]
