"""The operators list."""

from django.urls import path

from operators.lists import views

urlpatterns = [
    path("operators/", views.operators, name="list"),
    path("operators/export/", views.export, name="export"),
]
