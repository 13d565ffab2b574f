"""Every address of the product."""

from django.urls import include, path

urlpatterns = [
    path("", include("operators.urls")),
    path("", include("invitations.urls")),
    path("", include("twofactor.urls")),
    path("account/", include("accounts.urls")),
]

handler500 = "uptrends_2fa.errors.server_error"
