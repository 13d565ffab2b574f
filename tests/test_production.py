"""Which settings does the product refuse to serve with, and does it say what to set?"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import argon2
import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.utils.module_loading import import_string

from uptrends_2fa import checks, production
from uptrends_2fa import settings as shipped

ROOT = Path(__file__).resolve().parent.parent
COOKIES = "django.contrib.sessions.backends.signed_cookies"
CACHE = "django.contrib.sessions.backends.cache"

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"SESSION_ENGINE": COOKIES}, "Set SESSION_ENGINE"),
    ({"SESSION_ENGINE": CACHE}, "Set SESSION_ENGINE"),
    ({"SESSION_ENGINE": "django.contrib.sessions.backends.db"}, "Set SESSION_ENGINE"),
    ({"ALLOWED_HOSTS": ["*"]}, "Set ALLOWED_HOSTS"),
    ({"ALLOWED_HOSTS": ["login.example.com", "*"]}, "Set ALLOWED_HOSTS"),
    ({"ALLOWED_HOSTS": [".example.com"]}, "Set ALLOWED_HOSTS"),
    ({"SECRET_KEY": production.DEVELOPMENT_SECRET_KEY}, "Set SECRET_KEY"),
    ({"SECRET_KEY": "k" * 49}, "Set SECRET_KEY"),
    ({"SECRET_KEY_FALLBACKS": [production.DEVELOPMENT_SECRET_KEY]}, "Set SECRET_KEY"),
    ({"TWO_FACTOR_KEYS": []}, "Set TWO_FACTOR_KEYS"),
    ({"TWO_FACTOR_KEYS": ["a" * 43 + "=", production.DEVELOPMENT_TWO_FACTOR_KEY]}, "Set TWO_FACTOR_KEYS"),
    ({"TWO_FACTOR_KEYS": ["no key"]}, "Set TWO_FACTOR_KEYS"),
    ({"TWO_FACTOR_KEYS": ["a" * 43 + "=", "a" * 42 + "=="]}, "Set TWO_FACTOR_KEYS"),
    ({"TWO_FACTOR_KEYS": ["ä" * 43 + "="]}, "Set TWO_FACTOR_KEYS"),
    ({"TRUSTED_PROXIES": ["10.0.0.0/8", "nginx"]}, "Set TRUSTED_PROXIES"),
    ({"TRUSTED_PROXIES": ["10.0.0.1/8"]}, "Set TRUSTED_PROXIES"),
    ({"SITE_URL": "http://login.example.com"}, "Set SITE_URL"),
    ({"SITE_URL": "http://127.0.0.1.example.com"}, "Set SITE_URL"),
    ({"SITE_URL": "http://10.0.0.1:8000"}, "Set SITE_URL"),
]
TAKEN: list[dict[str, Any]] = [
    {},
    {"ALLOWED_HOSTS": ["login.example.com", "2fa.example.com"]},
    {"SECRET_KEY": "k" * 50},
    {"TWO_FACTOR_KEYS": ["a" * 43 + "=", "b" * 43 + "="]},
    {"TRUSTED_PROXIES": ["127.0.0.1", "10.0.0.0/8", "::1", "::ffff:10.0.0.0/104", "unix"]},
    {"SITE_URL": "https://login.example.com"},
    {"SITE_URL": "http://127.0.0.1:8000"},
    {"SITE_URL": "http://[::1]:8000"},
    {"SITE_URL": "http://localhost"},
]


@pytest.fixture(autouse=True)
def _in_production(settings):
    settings.SILENCED_SYSTEM_CHECKS = []
    settings.SITE_URL = "https://login.example.com"


def change(settings, values):
    for name, value in values.items():
        setattr(settings, name, value)


@pytest.mark.parametrize(("values", "sentence"), REFUSED)
def test_it_does_not_serve_and_says_what_to_set(settings, values, sentence):
    change(settings, values)
    with pytest.raises(ImproperlyConfigured, match=sentence):
        checks.refuse_to_serve()
    (problem,) = [problem for problem in run_checks() if str(problem.id).startswith("uptrends_2fa.")]
    assert problem.msg.startswith("Set ")
    assert problem.is_serious()


@pytest.mark.parametrize("values", TAKEN)
def test_it_serves(settings, values):
    change(settings, values)
    checks.refuse_to_serve()
    assert not list(checks.check_production())


def test_while_developing_nothing_is_refused(settings):
    settings.DEBUG = True
    settings.ALLOWED_HOSTS = ["*"]
    checks.refuse_to_serve()


def test_every_management_command_looks_first(settings):
    settings.ALLOWED_HOSTS = ["*"]
    with pytest.raises(CommandError, match="Set ALLOWED_HOSTS"):
        call_command("check")


def start(**env: str) -> str:
    """Load the WSGI application as gunicorn does; what it complained about."""
    ran = subprocess.run(
        [sys.executable, "-c", "import uptrends_2fa.wsgi"],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "uptrends_2fa.settings", "DEBUG": "off", **env},
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.stderr if ran.returncode else ""


def test_the_application_server_does_not_start_with_an_address_in_the_open():
    complaint = start(SITE_URL="http://login.example.com", ALLOWED_HOSTS="login.example.com")
    assert "The application cannot start." in complaint
    assert "Set SITE_URL to an address with https" in complaint


def test_the_application_server_does_not_start_without_keys():
    complaint = start(SECRET_KEY="", TWO_FACTOR_KEYS="", SITE_URL="", ALLOWED_HOSTS="")
    for name in ("SECRET_KEY", "TWO_FACTOR_KEYS", "SITE_URL", "ALLOWED_HOSTS"):
        assert f"Set {name} to " in complaint


def test_the_application_server_starts_with_all_that_it_needs():
    assert start(SITE_URL="https://login.example.com", ALLOWED_HOSTS="login.example.com") == ""


def test_nothing_is_kept_in_a_cache_that_several_servers_would_have_to_share():
    for app in ("accounts", "invitations", "operators", "twofactor", "uptrends_2fa"):
        for path in (ROOT / app).rglob("*.py"):
            assert "django.core.cache" not in path.read_text(), path
    for path in (ROOT / "templates").rglob("*.*"):
        assert "{% load cache %}" not in path.read_text(), path


def test_passwords_are_hashed_as_strongly_as_guidance_asks():
    """ASVS 5.0, appendix C: with Argon2id two passes over 19 MiB at least."""
    parameters = import_string(shipped.PASSWORD_HASHERS[0])().params()
    assert parameters.type is argon2.Type.ID
    assert parameters.time_cost >= 2
    assert parameters.memory_cost >= 19 * 1024
