"""django-two-factor-auth as its documentation installs it."""

from bench.logins.peer_settings import *  # noqa: F403

INSTALLED_APPS += [  # noqa: F405
    "django_otp",
    "django_otp.plugins.otp_static",
    "django_otp.plugins.otp_totp",
    "two_factor",
]
MIDDLEWARE.insert(  # noqa: F405
    MIDDLEWARE.index("django.contrib.auth.middleware.AuthenticationMiddleware") + 1,  # noqa: F405
    "django_otp.middleware.OTPMiddleware",
)
ROOT_URLCONF = "bench.logins.two_factor_auth.urls"
LOGIN_URL = "two_factor:login"
LOGIN_REDIRECT_URL = "two_factor:profile"
