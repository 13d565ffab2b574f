"""Answers a form whose CSRF token doesn't match: nothing is done, and the person can continue.

It is rarely an attack, usually a page left open while somebody logged in or out in another tab or deleted the
cookies. On pages open to strangers the answer is a fresh form, or the page they wanted if they have logged in
meanwhile.
"""

from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from uptrends_2fa.middleware import page_before, to_login


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    match: Any = request.resolver_match
    if not getattr(match.func, "login_required", True):
        return _fresh_form(request, match)
    if not request.user.is_authenticated:
        return to_login(request)
    return render(request, "403_csrf.html", status=HTTPStatus.FORBIDDEN)


def _fresh_form(request: HttpRequest, match: Any) -> HttpResponse:
    """With what was typed, but no secret."""
    request.out_of_date = request.POST  # type: ignore[attr-defined]  # for accounts.http.typed_before
    # The view gets a GET without data: a form with a wrong token must have no effect.
    empty: Any = QueryDict()
    request.method, request.POST = "GET", empty
    page: HttpResponse = match.func(request, *match.args, **match.kwargs)
    if page.status_code == HTTPStatus.METHOD_NOT_ALLOWED:  # a button: back to its page
        messages.warning(request, _("That page was out of date, so nothing was done. Try again."))
        return redirect(page_before(request))
    if page.status_code == HTTPStatus.GONE:
        return render(request, "open_link_again.html")
    return page
