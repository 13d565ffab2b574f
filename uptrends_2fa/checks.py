"""Is the application set up so that nobody gets past the second factor? Refuses to serve where it is not.

The checks look at the settings as they are in the end: a settings module of one's own that begins with
`from uptrends_2fa.settings import *` is looked at like ours. They run with every management command
(`manage.py check` among them) and when the application server starts.
"""

from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.contrib.sessions.backends import cache, cached_db, signed_cookies
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured

from uptrends_2fa import production

# Caches that each process keeps for itself, or not at all.
LOCAL_CACHES = {
    "django.core.cache.backends.locmem.LocMemCache",
    "django.core.cache.backends.dummy.DummyCache",
}


def check_production(
    app_configs: Sequence[AppConfig] | None = None, **_options: Any
) -> Iterable[CheckMessage]:
    """Return an error for all that would let people past or keep all out; none while developing."""
    if settings.DEBUG:
        return []
    sentences = {
        "uptrends_2fa.E001": _about_session_cookies(),
        "uptrends_2fa.E002": _about_session_caches(),
        "uptrends_2fa.E003": production.about_hosts(settings.ALLOWED_HOSTS),
        "uptrends_2fa.E004": production.about_secret_keys(
            [settings.SECRET_KEY, *map(str, settings.SECRET_KEY_FALLBACKS)]
        ),
        "uptrends_2fa.E005": production.about_two_factor_keys(settings.TWO_FACTOR_KEYS),
        "uptrends_2fa.E006": production.about_plain_http(settings.SITE_URL),
        "uptrends_2fa.E007": production.about_proxies(settings.TRUSTED_PROXIES),
    }
    return [Error(sentence, id=number) for number, sentence in sentences.items() if sentence]


def refuse_to_serve() -> None:
    """Raise ImproperlyConfigured where a check finds something that is not silenced."""
    problems = [problem for problem in check_production() if not problem.is_silenced()]
    if problems:
        raise ImproperlyConfigured("\n".join(["The application cannot start.", *map(str, problems)]))


def _about_session_cookies() -> str:
    """Return what to do about sessions that the browser keeps: they cannot be ended, and can be put back."""
    if not issubclass(_session_store(), signed_cookies.SessionStore):
        return ""
    return (
        'Set SESSION_ENGINE to "operators.sessions": a session in a cookie cannot be ended, and '
        "an old cookie brings back a sign-in that waits for its code."
    )


def _about_session_caches() -> str:
    """Return what to do about sessions of which each process has its own idea."""
    if not issubclass(_session_store(), (cache.SessionStore, cached_db.SessionStore)):
        return ""
    if settings.CACHES[settings.SESSION_CACHE_ALIAS]["BACKEND"] not in LOCAL_CACHES:
        return ""
    return (
        'Set SESSION_ENGINE to "operators.sessions", or CACHE_URL to a Redis server: with a cache in each '
        "process's memory, a session that one of them has ended goes on in the others."
    )


def _session_store() -> type:
    """Return the class that keeps sessions."""
    store: type = import_module(settings.SESSION_ENGINE).SessionStore
    return store
