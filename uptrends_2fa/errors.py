"""The error pages that Django does not choose by itself."""

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
    """Answer 400 for a request that no browser sends by itself."""
    return render(request, "400.html", status=400)


def unavailable(request: HttpRequest) -> HttpResponse:
    """Answer 503 when the server lacks something it needs, such as its database or an encryption key."""
    # The page has no menu then: to know whose it is takes a query.
    request.user = AnonymousUser()
    response = render(request, "503.html", status=503)
    response.headers["Retry-After"] = str(RETRY_AFTER)
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 503 where the database is out of service or a key is missing, and 500 for a mistake of ours.

    Django comes here with every exception that nobody has caught, wherever it was raised: in a view, a
    template, a middleware, or while a session is loaded or saved. It logs the exception once, whatever
    the answer.
    """
    error = sys.exception()
    # A secret that is read outside a view, where a fresh proof is asked for, comes by here.
    if isinstance(error, SecretUnreadableError) or is_outage(error):
        return unavailable(request)
    return defaults.server_error(request)
