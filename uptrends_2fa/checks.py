"""Refuses to serve if the settings would let people bypass the second factor.

The checks read the final settings, so that a settings module of your own, beginning with
`from uptrends_2fa.settings import *`, is checked like ours. They run with every management command and when
the application server starts.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured

from uptrends_2fa import production

SESSION_ENGINE = "operators.signin.session_store"


def check_production(
    app_configs: Sequence[AppConfig] | None = None, **_options: Any
) -> Iterable[CheckMessage]:
    if settings.DEBUG:
        return []
    sentences = {
        "uptrends_2fa.E001": _about_sessions(),
        "uptrends_2fa.E003": production.about_hosts(settings.ALLOWED_HOSTS),
        "uptrends_2fa.E004": production.about_secret_keys(
            [settings.SECRET_KEY, *map(str, settings.SECRET_KEY_FALLBACKS)]
        ),
        "uptrends_2fa.E005": production.about_two_factor_keys(settings.TWO_FACTOR_KEYS),
        "uptrends_2fa.E006": production.about_plain_http(settings.SITE_URL),
        "uptrends_2fa.E007": production.about_proxies(settings.TRUSTED_PROXIES),
        "uptrends_2fa.E008": production.about_unnamed_proxy(
            behind_proxy=bool(settings.SECURE_PROXY_SSL_HEADER), proxies=settings.TRUSTED_PROXIES
        ),
    }
    return [Error(sentence, id=number) for number, sentence in sentences.items() if sentence]


def refuse_to_serve() -> None:
    """Raise ImproperlyConfigured for every problem that is not silenced."""
    problems = [problem for problem in check_production() if not problem.is_silenced()]
    if problems:
        raise ImproperlyConfigured("\n".join(["The application cannot start.", *map(str, problems)]))


def _about_sessions() -> str:
    """Lists of sessions, limits of codes, and ending a session depend on our own store."""
    if settings.SESSION_ENGINE == SESSION_ENGINE:
        return ""
    return (
        f'Set SESSION_ENGINE to "{SESSION_ENGINE}": elsewhere a session that was ended can come back, from '
        "an old cookie or from the memory of another process."
    )
