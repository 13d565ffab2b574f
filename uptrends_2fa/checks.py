"""Is the application set up so that nobody gets past the second factor? Refuses to serve where it is not.

The checks look at the settings as they are in the end: a settings module of one's own that begins with
`from uptrends_2fa.settings import *` is looked at like ours. They run with every management command
(`manage.py check` among them) and when the application server starts.
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
    """Return an error for all that would let people past or keep all out; none while developing."""
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
    """Raise ImproperlyConfigured where a check finds something that is not silenced."""
    problems = [problem for problem in check_production() if not problem.is_silenced()]
    if problems:
        raise ImproperlyConfigured("\n".join(["The application cannot start.", *map(str, problems)]))


def _about_sessions() -> str:
    """Return what to do about another store of sessions: lists, limits and ended sessions rest on ours."""
    if settings.SESSION_ENGINE == SESSION_ENGINE:
        return ""
    return (
        f'Set SESSION_ENGINE to "{SESSION_ENGINE}": elsewhere a session that was ended can come back, from '
        "an old cookie or from the memory of another process."
    )
