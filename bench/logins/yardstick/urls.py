"""Addresses of the yardstick, and the bare page."""

from django.urls import path

from bench.logins.bare import urlpatterns as bare
from bench.logins.yardstick import views

urlpatterns = [
    *bare,
    path("login/", views.log_in, name="login"),
    path("login/code/", views.code, name="code"),
]
