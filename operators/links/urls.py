"""Addresses for the ledger of links, and for setup links."""

from django.urls import path

from operators.links import views

urlpatterns = [
    path("account/two-factor/links/", views.links, name="links"),
    path("account/two-factor/links/export/", views.export, name="links-export"),
    path("operators/<int:pk>/setup-link/send/", views.send_setup_link, name="setup-link-send"),
    path("operators/<int:pk>/setup-link/copy/", views.copy_setup_link, name="setup-link-copy"),
    path("operators/<int:pk>/setup-link/withdraw/", views.withdraw_setup_link, name="setup-link-withdraw"),
]
