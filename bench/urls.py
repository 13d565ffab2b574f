"""The addresses of the product, and the admin beside them."""

from django.urls import include, path

from bench.admin import site

urlpatterns = [path("bench-admin/", site.urls), path("", include("uptrends_2fa.urls"))]
