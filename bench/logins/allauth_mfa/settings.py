"""django-allauth with its second factor, as its documentation installs it."""

from bench.logins.peer_settings import *  # noqa: F403

INSTALLED_APPS += ["django.contrib.humanize", "allauth", "allauth.account", "allauth.mfa"]  # noqa: F405
MIDDLEWARE += ["allauth.account.middleware.AccountMiddleware"]  # noqa: F405
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
ROOT_URLCONF = "bench.logins.allauth_mfa.urls"
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
