"""Settings of the product in measurements: production's, over plain HTTP and without collected files."""

import os
import secrets
from pathlib import Path

from cryptography.fernet import Fernet

os.environ.setdefault("SECRET_KEY", secrets.token_urlsafe(64))
os.environ.setdefault("TWO_FACTOR_KEYS", Fernet.generate_key().decode())
os.environ.setdefault("SITE_URL", "http://testserver")
os.environ.setdefault("ALLOWED_HOSTS", "testserver")

from uptrends_2fa.settings import *  # noqa: F403  the variables must be there first

SILENCED_SYSTEM_CHECKS = [*SILENCED_SYSTEM_CHECKS, "uptrends_2fa.E006"]  # noqa: F405
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATIC_ROOT = str(Path(BASE_DIR, "static"))  # noqa: F405  nothing is collected for a measurement
if DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":  # noqa: F405
    # All work of a query in the one process whose work is measured.
    DATABASES["default"]["OPTIONS"]["options"] += " -c max_parallel_workers_per_gather=0"  # noqa: F405
