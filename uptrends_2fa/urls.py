"""Every address of the product."""

from django.urls import include, path

urlpatterns = [
    # First, because they are few and part of each login: Django tries addresses in this order.
    path("", include("twofactor.urls")),
    path("", include("operators.urls")),
    path("", include("invitations.urls")),
    path("account/", include("accounts.urls")),
]

handler500 = "uptrends_2fa.errors.server_error"
