"""The least that a request costs in Django: what work is measured against."""

import cProfile
import pstats
from collections.abc import Callable

from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import path

# As `django-admin startproject` writes them, in front of a view that does nothing.
BARE = {
    "ROOT_URLCONF": __name__,
    "SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies",
    "MIDDLEWARE": [
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
}
urlpatterns = [path("", lambda _request: HttpResponse())]


def calls_of(work: Callable[[], object]) -> int:
    """Return how many functions are called: other than its time, that is the same on every machine."""
    profiler = cProfile.Profile()
    profiler.enable()
    try:
        work()
    finally:
        profiler.disable()
    calls: int = pstats.Stats(profiler).total_calls
    return calls


def in_bare_views(calls: int) -> float:
    """Return how many requests of a bare view that is."""
    with override_settings(**BARE):
        client = Client()
        client.get("/")  # what is done once
        return calls / calls_of(lambda: client.get("/"))
