"""Settings for the tests: production's, with keys of their own and a fast password hash."""

import os
import secrets

from cryptography.fernet import Fernet

os.environ.setdefault("SECRET_KEY", secrets.token_urlsafe(64))
os.environ.setdefault("TWO_FACTOR_KEYS", Fernet.generate_key().decode())
os.environ.setdefault("SITE_URL", "http://testserver")
os.environ.setdefault("ALLOWED_HOSTS", "testserver,127.0.0.1")
os.environ.setdefault("MAIL_QUEUE", "immediate")

from uptrends_2fa.settings import *  # noqa: F403  the variables must be there first

# The test client's own address: http://testserver.
SILENCED_SYSTEM_CHECKS = [*SILENCED_SYSTEM_CHECKS, "uptrends_2fa.E006"]  # noqa: F405
# Argon2 is slow on purpose: only tests that count or time hashes switch it on.
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.MD5PasswordHasher",
    "django.contrib.auth.hashers.Argon2PasswordHasher",
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
# Serves files straight from static/, without collectstatic.
WHITENOISE_AUTOREFRESH = True
WHITENOISE_USE_FINDERS = True
