"""Addresses of emailed set-up and invitation links, and of what follows them."""

from django.urls import path

from invitations import views

app_name = "invitations"
urlpatterns = [
    path("login/check-email/", views.check_email, name="check-email"),
    path("login/check-email/send/", views.send_again, name="send-again"),
    path("setup/", views.setup, name="setup"),
    path("setup/password/", views.setup_password, name="setup-password"),
    path("setup/<str:token>/", views.open_setup_link, name="setup-link"),
    path("invitation/", views.accept, name="accept"),
    path("invitation/two-factor/", views.accept_two_factor, name="accept-two-factor"),
    path("invitation/log-out/", views.log_out_and_accept, name="accept-log-out"),
    path("invitation/<str:token>/", views.open_invitation, name="invitation-link"),
]
