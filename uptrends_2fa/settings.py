"""All settings, read from the environment; docs/deployment.md explains each variable.

With DEBUG off nothing that protects people has a default: the application does not start, and says what is
not set (`production.missing()`) and what makes no sense (`environment`).
"""

import os
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from uptrends_2fa import body_sizes, production
from uptrends_2fa.environment import Environment

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment(os.environ)

DEBUG = env.switch("DEBUG")
# Unchanged, blanks included: another key would end all sessions.
SECRET_KEY = os.environ.get("SECRET_KEY") or production.DEVELOPMENT_SECRET_KEY
TWO_FACTOR_KEYS: list[str] = env.texts("TWO_FACTOR_KEYS", [production.DEVELOPMENT_TWO_FACTOR_KEY])
SITE_URL = env.text("SITE_URL", "http://127.0.0.1:8000" if DEBUG else "").rstrip("/")
ALLOWED_HOSTS: list[str] = env.texts("ALLOWED_HOSTS", ["127.0.0.1", "localhost"] if DEBUG else [])

PRODUCT_NAME = "Uptrends"
TWO_FACTOR_ISSUER = env.text("TWO_FACTOR_ISSUER", PRODUCT_NAME)
# Proxies (addresses or networks) whose X-Forwarded-For header is trusted; none by default.
TRUSTED_PROXIES: list[str] = env.texts("TRUSTED_PROXIES")
# Days to keep audit entries; `manage.py prune_audit` reads it, and checks that it is a number.
AUDIT_RETENTION_DAYS = env.text("AUDIT_RETENTION_DAYS")

INSTALLED_APPS = [
    "accounts",
    "twofactor",
    "invitations",
    "operators",
    "uptrends_2fa",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.forms",
    "csp",
    "django_htmx",
    "django_tasks",
    "django_tasks_db",
]

# Headers come first, so that every response has them: redirects to https, static files, early refusals.
MIDDLEWARE = [
    "uptrends_2fa.middleware.log_refusals",
    "uptrends_2fa.middleware.no_store",
    "uptrends_2fa.middleware.isolation",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "uptrends_2fa.middleware.health",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "uptrends_2fa.middleware.refuse_nul_bytes",
    "django_htmx.middleware.HtmxMiddleware",
    "uptrends_2fa.middleware.popup_redirects",
    "uptrends_2fa.middleware.page_for_405",
    # Everything below has set its cookies when the response is kept for a request sent twice.
    "uptrends_2fa.sessions.SessionMiddleware",
    "accounts.limits.password_limits.known_browser_cookie",
    "uptrends_2fa.middleware.reader_time_zone",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "operators.signin.session_store.PersonAuthenticationMiddleware",
    # Before the next, the first to read the body, and after the one that knows who is logged in.
    "uptrends_2fa.middleware.BodyLimit",
    "django.middleware.csrf.CsrfViewMiddleware",
    "uptrends_2fa.sessions.SentTwiceMiddleware",
    "uptrends_2fa.middleware.LoginRequired",
    "twofactor.late_code.LateCodeMiddleware",
    "twofactor.proof.ProofMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "uptrends_2fa.middleware.UnreadableSecretMiddleware",
]

# Files stay in memory: at most one, and no request is larger than that.
DATA_UPLOAD_MAX_MEMORY_SIZE = FILE_UPLOAD_MAX_MEMORY_SIZE = body_sizes.TABLE
DATA_UPLOAD_MAX_NUMBER_FILES = 1
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]

ROOT_URLCONF = "uptrends_2fa.urls"
WSGI_APPLICATION = "uptrends_2fa.wsgi.application"
FORM_RENDERER = "uptrends_2fa.form_renderer.FormRenderer"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.messages.context_processors.messages",
                "uptrends_2fa.context.product",
            ],
            "builtins": ["accounts.templatetags.typed_text"],
        },
    },
]

DATABASES: dict[str, Any] = {
    "default": env.database(
        "DATABASE_URL", {"ENGINE": "django.db.backends.sqlite3", "NAME": str(BASE_DIR / "db.sqlite3")}
    )
}
DATABASES["default"].setdefault("CONN_MAX_AGE", 60)
DATABASES["default"].setdefault("CONN_HEALTH_CHECKS", True)
# Options in DATABASE_URL (`?timeout=5`) take precedence over these.
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # IMMEDIATE takes the write lock at BEGIN: two writers queue up instead of failing half-way. WAL lets
    # readers continue meanwhile; the timeout (seconds) is how long a writer waits for its turn. With WAL,
    # synchronous=NORMAL would lose the last commits in a power cut: a spent code or link would work again,
    # and an ended session would be back. FULL waits for the disk at each commit instead.
    DATABASE_OPTIONS: dict[str, Any] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 15,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
else:
    # Without these, a database host that vanishes blocks a request for minutes, and four requests block all
    # threads. In seconds, the last in milliseconds. Locks are waited for as long as with SQLite.
    DATABASE_OPTIONS = {
        "connect_timeout": 5,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 2,
        "tcp_user_timeout": 20_000,
        "options": "-c lock_timeout=15s",
    }
DATABASES["default"]["OPTIONS"] = {**DATABASE_OPTIONS, **DATABASES["default"].get("OPTIONS", {})}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

EMAIL = env.email("EMAIL_URL", "consolemail://" if DEBUG else "smtp://localhost:25")
EMAIL_BACKEND = EMAIL["EMAIL_BACKEND"]
EMAIL_HOST = EMAIL.get("EMAIL_HOST") or "localhost"
EMAIL_PORT = EMAIL.get("EMAIL_PORT") or 25
EMAIL_HOST_USER = EMAIL.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD = EMAIL.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS = EMAIL.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = EMAIL.get("EMAIL_USE_SSL", False)
# Seconds for one step of the conversation with the mail server: people wait for the response.
EMAIL_TIMEOUT = 5
EMAIL_FILE_PATH: str | None = EMAIL.get("EMAIL_FILE_PATH") or None
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", f"{PRODUCT_NAME} <no-reply@localhost>")

# Per account: more than the largest table, and too few to flood anybody.
INVITATIONS_A_DAY = env.number("INVITATIONS_A_DAY", 20_000, 1, 10_000_000)

# How emails leave: `database` stores them for `manage.py worker`, `immediate` tries once within the request.
# See accounts/mail/delivery.py.
TASK_BACKENDS = {
    "database": "django_tasks_db.DatabaseBackend",
    "immediate": "django_tasks.backends.immediate.ImmediateBackend",
}
MAIL_QUEUE = env.choice("MAIL_QUEUE", TASK_BACKENDS, "immediate" if DEBUG else "database")
TASKS = {"default": {"BACKEND": TASK_BACKENDS[MAIL_QUEUE]}}
# Seconds before the second attempt, the third, and so on; together less than a setup link lives.
MAIL_RETRY_WAITS: list[int] = env.numbers("MAIL_RETRY_WAITS", [30, 120, 600, 1800], 0, 24 * 60 * 60)
# Seconds that one attempt may take; a worker killed in the middle of it blocks the email for as long.
MAIL_TRY_SECONDS = env.number("MAIL_TRY_SECONDS", 60, 1, 60 * 60)

# What else the worker does, and how often (seconds).
PERIODIC_TASKS = {
    "accounts.mail.delivery.forget_old": 60 * 60,
    "operators.overview.coverage.record_due": 60,
    # Tables to which strangers can add rows.
    "accounts.rate_limit.delete_ended": 5 * 60,
    "operators.models.session.delete_ended": 10 * 60,
    "operators.signin.unfinished.tell_of_ended": 5 * 60,
    "twofactor.trusted.delete_expired": 24 * 60 * 60,
    "invitations.ledger.forget_old": 24 * 60 * 60,
    "operators.overrides.exception_ends.tell_ahead": 60 * 60,
    "operators.reminders.schedule.begin_scheduled": 10 * 60,
    "operators.reminders.reminding.requeue": 5 * 60,
    "operators.reminders.announcing.remind_and_carry_on": 15 * 60,
    "operators.bulk.work.requeue": 60,
    "operators.bulk.work.forget_old": 60 * 60,
}

# Tasks in the queue and the times of PERIODIC_TASKS are stored by the name of their function. If you move or
# rename one, add a line (stored name: where the function is today) and correct the lines that lead to its old
# place. tests/test_old_release.py fails where a stored name leads nowhere.
MOVED_FUNCTIONS = {
    "accounts.delivery.forget_old": "accounts.mail.delivery.forget_old",
    "accounts.mail.send_notice": "accounts.mail.notice_mail.send_notice",
    "accounts.tally.delete_ended": "accounts.rate_limit.delete_ended",
    "operators.announcing.carry_out": "operators.reminders.announcing.carry_out",
    "operators.announcing.remind_and_carry_on": "operators.reminders.announcing.remind_and_carry_on",
    "operators.bulk.forget_old": "operators.bulk.work.forget_old",
    "operators.bulk.go_on": "operators.bulk.work.continue_round",
    "operators.bulk.requeue": "operators.bulk.work.requeue",
    "operators.coverage.record_due": "operators.overview.coverage.record_due",
    "operators.exception_ends.tell_ahead": "operators.overrides.exception_ends.tell_ahead",
    "operators.reminder_schedule.begin_scheduled": "operators.reminders.schedule.begin_scheduled",
    "operators.reminding.go_on": "operators.reminders.reminding.requeue",
    "operators.reminding.remind": "operators.reminders.reminding.remind",
    "operators.session_models.delete_ended": "operators.models.session.delete_ended",
    "operators.unfinished.tell_of_ended": "operators.signin.unfinished.tell_of_ended",
}

AUTH_USER_MODEL = "operators.Operator"
AUTHENTICATION_BACKENDS = ["operators.backends.PasswordBackend"]
LOGIN_URL = "operators:login"
LOGIN_REDIRECT_URL = "operators:home"
LOGOUT_REDIRECT_URL = "operators:login"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "name")},
    },
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "accounts.passwords.PopularPasswordValidator"},
    {"NAME": "accounts.passwords.ContextWordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

SESSION_ENGINE = "operators.signin.session_store"
SESSION_COOKIE_AGE = 12 * 60 * 60  # one working day, then everybody logs in again
# An unused session ends sooner. "Last seen" is up to five minutes old: a shorter limit would hit people in
# the middle of their work.
SESSION_IDLE_MINUTES = env.number("SESSION_IDLE_MINUTES", 60, 10, 12 * 60)
MESSAGE_STORAGE = "uptrends_2fa.sessions.Messages"

# Plain HTTP is for one machine only: with https in SITE_URL, cookies never travel without TLS.
HTTPS = SITE_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
# Cookies ignore ports: two installations on one host would log each other out.
COOKIE_NAME = production.cookie_name(SITE_URL)
SESSION_COOKIE_NAME = COOKIE_NAME.format("sessionid")
CSRF_COOKIE_NAME = COOKIE_NAME.format("csrftoken")
TRUSTED_BROWSER_COOKIE_NAME = COOKIE_NAME.format("trusted_browser")
KNOWN_BROWSER_COOKIE_NAME = COOKIE_NAME.format("known_browser")
MESSAGES_COOKIE_NAME = COOKIE_NAME.format("messages")
CSRF_COOKIE_HTTPONLY = True
CSRF_TRUSTED_ORIGINS = [SITE_URL]
CSRF_FAILURE_VIEW = "uptrends_2fa.stale_forms.csrf_failure"
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = ["^healthz$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.switch("BEHIND_TLS_PROXY") else None
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        # data: is the QR code, which must never have an address of its own, and Bootstrap's own icons.
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = True
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
FORMAT_MODULE_PATH = "uptrends_2fa.formats"
# 100,000 for people; numbers for programs (in URLs and values) need `stringformat:"d"`.
USE_THOUSAND_SEPARATOR = True

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = env.text("STATIC_ROOT", str(BASE_DIR / "staticfiles"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "uptrends_2fa.logs.CleanFormatter",
            "format": "{asctime} {levelname} {name} {message}",
            "style": "{",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    # Django's own handler would email settings and request data; everything goes to the console instead.
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        # `middleware.log_refusals` says more about refusals than Django's own line.
        "django.request": {"level": "ERROR"},
    },
}

# The address is unique regardless of letter case, by a constraint that this check doesn't recognize.
SILENCED_SYSTEM_CHECKS = ["auth.W004"]

problems = [] if DEBUG else production.missing(SECRET_KEY, TWO_FACTOR_KEYS, SITE_URL, ALLOWED_HOSTS)
problems += [production.about_sender(DEFAULT_FROM_EMAIL), *env.problems]
if any(problems):
    raise ImproperlyConfigured("\n".join(["The application cannot start.", *filter(None, problems)]))
