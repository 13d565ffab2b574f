"""Addresses for the preview of a new policy."""

from django.urls import path

from operators.policy import views

urlpatterns = [
    path("account/settings/preview/", views.preview, name="policy-preview"),
    path("account/settings/preview/<slug:group>/", views.people, name="policy-preview-people"),
]
