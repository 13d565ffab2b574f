"""The error pages that Django does not choose on its own."""

import sys

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views import defaults

from twofactor.vault import SecretUnreadableError
from uptrends_2fa.outage import is_outage

# Seconds until a program may try again; the page tells people to wait a minute.
RETRY_AFTER = 60


def bad_request(request: HttpRequest) -> HttpResponse:
    return render(request, "400.html", status=400)


def unavailable(request: HttpRequest) -> HttpResponse:
    # The page has no menu: finding out who is logged in takes a query.
    request.user = AnonymousUser()
    response = render(request, "503.html", status=503)
    response.headers["Retry-After"] = str(RETRY_AFTER)
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer an uncaught exception, which Django has logged: 503 for an outage, 500 for our own mistake."""
    error = sys.exception()
    # Raised outside a view, while a fresh proof is asked for.
    if isinstance(error, SecretUnreadableError) or is_outage(error):
        return unavailable(request)
    return defaults.server_error(request)
