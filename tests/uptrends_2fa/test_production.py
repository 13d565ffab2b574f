"""Which settings does the product refuse to serve with, and does it say what to set?"""

from pathlib import Path
from typing import Any

import argon2
import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.utils.module_loading import import_string

from tests.support.server import start
from uptrends_2fa import checks, production
from uptrends_2fa import settings as shipped

ROOT = Path(__file__).resolve().parents[2]
COOKIES = "django.contrib.sessions.backends.signed_cookies"
CACHE = "django.contrib.sessions.backends.cache"

TLS = ("HTTP_X_FORWARDED_PROTO", "https")

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
    ({"TRUSTED_PROXIES": ["10.0.0.1", "0.0.0.0/0"]}, "Set TRUSTED_PROXIES"),
    ({"TRUSTED_PROXIES": ["::/0"]}, "Set TRUSTED_PROXIES"),
    ({"SECURE_PROXY_SSL_HEADER": TLS, "TRUSTED_PROXIES": []}, "Set TRUSTED_PROXIES"),
    ({"ALLOWED_HOSTS": ["https://login.example.com"]}, "Set ALLOWED_HOSTS"),
    ({"ALLOWED_HOSTS": ["login.example.com:443"]}, "Set ALLOWED_HOSTS"),
    ({"ALLOWED_HOSTS": ["login.example.com/"]}, "Set ALLOWED_HOSTS"),
    ({"ALLOWED_HOSTS": ["login.example.com 2fa.example.com"]}, "Set ALLOWED_HOSTS"),
    ({"SITE_URL": "http://login.example.com"}, "Set SITE_URL"),
    ({"SITE_URL": "http://127.0.0.1.example.com"}, "Set SITE_URL"),
    ({"SITE_URL": "http://10.0.0.1:8000"}, "Set SITE_URL"),
]
TAKEN: list[dict[str, Any]] = [
    {},
    {"ALLOWED_HOSTS": ["login.example.com", "2fa.example.com"]},
    {"ALLOWED_HOSTS": ["127.0.0.1", "[::1]", "localhost", "xn--bcher-kva.example", "a"]},
    {"SECURE_PROXY_SSL_HEADER": TLS, "TRUSTED_PROXIES": ["unix"]},
    {"SECURE_PROXY_SSL_HEADER": TLS, "TRUSTED_PROXIES": ["127.0.0.1"]},
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


def test_the_application_server_does_not_start_with_an_address_in_the_open():
    complaint = start(SITE_URL="http://login.example.com", ALLOWED_HOSTS="login.example.com")
    assert "The application cannot start." in complaint
    assert "Set SITE_URL to an address with https" in complaint


def test_the_application_server_does_not_start_without_keys():
    complaint = start(SECRET_KEY="", TWO_FACTOR_KEYS="", SITE_URL="", ALLOWED_HOSTS="")
    for name in ("SECRET_KEY", "TWO_FACTOR_KEYS", "SITE_URL", "ALLOWED_HOSTS"):
        assert f"Set {name} to " in complaint


SOUND = {"SITE_URL": "https://login.example.com", "ALLOWED_HOSTS": "login.example.com"}
SECRET = "hunter2"


def test_the_application_server_says_all_that_it_cannot_read_at_once_and_no_secret():
    complaint = start(
        SITE_URL="https://login.example.com/two-factor",
        ALLOWED_HOSTS="login.example.com",
        DATABASE_URL=f"postgres://user:{SECRET}#1@host/name",
        EMAIL_URL=f"smtp+tls://user:{SECRET}/1@host:587",
        DEFAULT_FROM_EMAIL="no-reply",
        MAIL_QUEUE="redis",
        MAIL_TRY_SECONDS="a minute",
        SESSION_IDLE_MINUTES="5",
        BEHIND_TLS_PROXY="onn",
    )
    names = "SITE_URL DATABASE_URL EMAIL_URL DEFAULT_FROM_EMAIL MAIL_QUEUE MAIL_TRY_SECONDS"
    for name in (*names.split(), "SESSION_IDLE_MINUTES", "BEHIND_TLS_PROXY"):
        assert f"Set {name} " in complaint, name
    assert SECRET not in complaint


def test_the_application_server_does_not_start_behind_a_proxy_without_a_name():
    assert "Set TRUSTED_PROXIES" in start(BEHIND_TLS_PROXY="on", **SOUND)
    assert start(BEHIND_TLS_PROXY="on", TRUSTED_PROXIES=" 127.0.0.1, 10.0.0.0/8 ,unix,", **SOUND) == ""


@pytest.mark.parametrize(
    "url",
    [
        "https://login.example.com/two-factor",
        "https://login.example.com?a=b",
        "https://login.example.com#top",
        "https://anna@login.example.com",
        "https://login.example.com:port",
        "https://login example.com",
        "https://",
        "login.example.com",
        "ftp://login.example.com",
        "",
    ],
)
def test_an_address_of_the_site_that_links_cannot_begin_with_is_refused(url):
    assert production.about_site_url(url).startswith("Set SITE_URL to ")


@pytest.mark.parametrize(
    "url", ["https://login.example.com", "https://login.example.com:8443", "http://[::1]:8000", "http://a"]
)
def test_an_address_of_the_site_is_scheme_host_and_port(url):
    assert production.about_site_url(url) == ""


@pytest.mark.parametrize("sender", ["no-reply", "Uptrends <>", "a@b@c", "a@b.example\nBcc: c@d.example"])
def test_a_sender_without_an_address_is_refused(sender):
    assert production.about_sender(sender).startswith("Set DEFAULT_FROM_EMAIL")


@pytest.mark.parametrize("sender", ["a@b.example", "Up <a@b.example>", '"Up, trends" <a@localhost>'])
def test_a_sender_has_an_address(sender):
    assert production.about_sender(sender) == ""


def test_the_application_server_starts_with_all_that_it_needs():
    assert start(SITE_URL="https://login.example.com", ALLOWED_HOSTS="login.example.com") == ""


def test_nothing_is_kept_in_a_cache_that_several_servers_would_have_to_share():
    apps = ("accounts", "invitations", "operators", "twofactor", "uptrends_2fa")
    modules = [path for app in apps for path in (ROOT / app).rglob("*.py")]
    templates = list((ROOT / "templates").rglob("*.*"))
    assert min(len(modules), len(templates)) > 100
    assert not [path for path in modules if "django.core.cache" in path.read_text()]
    assert not [path for path in templates if "{% load cache %}" in path.read_text()]


def test_passwords_are_hashed_as_strongly_as_guidance_asks():
    """ASVS 5.0, appendix C: with Argon2id two passes over 19 MiB at least."""
    parameters = import_string(shipped.PASSWORD_HASHERS[0])().params()
    assert parameters.type is argon2.Type.ID
    assert parameters.time_cost >= 2
    assert parameters.memory_cost >= 19 * 1024


@pytest.mark.parametrize(
    ("site", "name"),
    [
        ("https://2fa.example.com", "__Host-sessionid"),
        ("https://2fa.example.com:8443", "__Host-sessionid_8443"),
        ("http://127.0.0.1:8000", "sessionid_8000"),
        ("http://[::1]:8001", "sessionid_8001"),
        ("http://[::1]", "sessionid"),
    ],
)
def test_two_installations_on_one_host_do_not_share_cookies(site, name):
    assert production.cookie_name(site).format("sessionid") == name
