"""Addresses for logging in and out, and for ending sessions."""

from django.urls import path

from operators.signin.views import freezing, logging_in, offering, password_reset, sessions

urlpatterns = [
    path("", logging_in.home, name="home"),
    path("login/", logging_in.log_in, name="login"),
    path("logout/", logging_in.log_out, name="logout"),
    path("login/set-up/", offering.offer, name="offer"),
    path("password-reset/", password_reset.request_link, name="password-reset"),
    path("password-reset/sent/", password_reset.sent, name="password-reset-sent"),
    path("password-reset/new/", password_reset.choose, name="password-reset-choose"),
    path("password-reset/<str:token>/", password_reset.open_link, name="password-reset-link"),
    path("operators/<int:pk>/end-sessions/", sessions.end_all, name="end-sessions"),
    path("account/settings/end-sessions/", sessions.end_unprotected, name="end-unprotected"),
    path("my-settings/sessions/", sessions.sessions, name="sessions"),
    path("my-settings/sessions/end-others/", sessions.end_others, name="sessions-end-others"),
    path("my-settings/sessions/<uuid:public_id>/end/", sessions.end, name="session-end"),
    path("my-settings/trusted-browsers/remove-all/", sessions.remove_all_trusted, name="trusted-remove-all"),
    path("my-settings/trusted-browsers/<int:pk>/remove/", sessions.remove_trusted, name="trusted-remove"),
    path("not-me/<str:token>/", freezing.this_was_not_me, name="not-me"),
    path("operators/<int:pk>/free/", freezing.free, name="free"),
]
