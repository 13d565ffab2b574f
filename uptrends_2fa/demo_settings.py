"""Settings for `manage.py demo`: production's, with generated keys, and emails kept for the browser."""

import os
import secrets
from pathlib import Path
from urllib.parse import quote

import environ
from cryptography.fernet import Fernet

BASE = Path(__file__).resolve().parent.parent
# Made once and kept, so that everybody's authenticator still works after a restart.
KEYS_FILE = BASE / ".demo" / "keys.env"
if not KEYS_FILE.exists():
    KEYS_FILE.parent.mkdir(exist_ok=True)
    KEYS_FILE.write_text(
        f"SECRET_KEY={secrets.token_urlsafe(64)}\nTWO_FACTOR_KEYS={Fernet.generate_key().decode()}\n"
    )
    KEYS_FILE.chmod(0o600)
environ.Env.read_env(KEYS_FILE)
os.environ.setdefault("DATABASE_URL", f"sqlite:///{quote(str(KEYS_FILE.parent / 'demo.sqlite3'))}")
# Overrides the environment, because `manage.py demo` starts the worker.
os.environ["MAIL_QUEUE"] = "database"
os.environ.setdefault("SITE_URL", "http://127.0.0.1:8000")
os.environ.setdefault("ALLOWED_HOSTS", "127.0.0.1,localhost")

from uptrends_2fa.settings import *  # noqa: E402, F403  the variables must be there first

EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = str(KEYS_FILE.parent / "mails")
ROOT_URLCONF = "uptrends_2fa.demo_urls"
