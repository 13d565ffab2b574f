"""The addresses of the product, and the bare page."""

from django.urls import include, path

from bench.logins.bare import urlpatterns as bare

urlpatterns = [*bare, path("", include("uptrends_2fa.urls"))]
