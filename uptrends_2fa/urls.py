"""Every address of the product."""

from django.urls import include, path

urlpatterns = [
    # Few, and asked for at each login: Django looks for an address from the first to the last.
    path("", include("twofactor.urls")),
    path("", include("operators.urls")),
    path("", include("invitations.urls")),
    path("account/", include("accounts.urls")),
]

handler500 = "uptrends_2fa.errors.server_error"
