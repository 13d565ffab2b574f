"""Addresses of the app: each folder lists its own."""

from django.urls import include, path

app_name = "operators"
urlpatterns = [
    path("", include("operators.signin.urls")),
    path("", include("operators.lists.urls")),
    path("", include("operators.people.urls")),
    path("", include("operators.groups.urls")),
    path("", include("operators.overrides.urls")),
    path("", include("operators.links.urls")),
    path("", include("operators.reminders.urls")),
    path("", include("operators.policy.urls")),
    path("", include("operators.overview.urls")),
    path("", include("operators.bulk.urls")),
]
