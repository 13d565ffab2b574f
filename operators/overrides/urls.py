"""Addresses for the list of exceptions."""

from django.urls import path

from operators.overrides import views

urlpatterns = [
    path("exceptions/", views.exceptions, name="exceptions"),
    path("exceptions/export/", views.export, name="exceptions-export"),
]
