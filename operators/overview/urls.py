"""The address of the two-factor overview."""

from django.urls import path

from operators.overview import views

urlpatterns = [
    path("account/two-factor/", views.two_factor_overview, name="overview"),
]
