"""Settings of the operators list's measurements: Django's admin beside the product's own pages."""

from bench.product_settings import *  # noqa: F403

SILENCED_SYSTEM_CHECKS = [*SILENCED_SYSTEM_CHECKS, "admin.E410"]  # noqa: F405
# The admin exists here only: the product has none.
INSTALLED_APPS = [*INSTALLED_APPS, "django.contrib.admin.apps.SimpleAdminConfig"]  # noqa: F405
ROOT_URLCONF = "bench.urls"
TEMPLATES[0]["OPTIONS"]["context_processors"] += [  # type: ignore[index]  # noqa: F405
    "django.contrib.auth.context_processors.auth"
]
LOGGING = {"version": 1, "disable_existing_loggers": False}
