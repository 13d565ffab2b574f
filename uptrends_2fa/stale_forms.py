"""A form whose CSRF token does not fit: nothing is done, and the person can go on.

It is no attack, as a rule, but a page that stood open while somebody signed in or out in another tab, or
whose cookies were deleted. For pages that are open to strangers the answer is a fresh form, or, for somebody
who has signed in meanwhile, the page they were on the way to.
"""

from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from uptrends_2fa.middleware import page_before, to_login


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form from an old tab, or from another site."""
    match: Any = request.resolver_match
    if not getattr(match.func, "login_required", True):
        return _fresh_form(request, match)
    if not request.user.is_authenticated:
        return to_login(request)
    return render(request, "403_csrf.html", status=HTTPStatus.FORBIDDEN)


def _fresh_form(request: HttpRequest, match: Any) -> HttpResponse:
    """Return the page as it is shown to who comes to it now, with what was typed but no secret."""
    request.out_of_date = request.POST  # type: ignore[attr-defined]  # for accounts.http.typed_before
    # What the view sees is a page that is asked for: a form with a wrong token must carry nothing out.
    empty: Any = QueryDict()
    request.method, request.POST = "GET", empty
    fresh: HttpResponse = match.func(request, *match.args, **match.kwargs)
    if fresh.status_code == HTTPStatus.METHOD_NOT_ALLOWED:  # a button: back to its page
        messages.warning(request, _("That page was out of date, so nothing was done. Try again."))
        return redirect(page_before(request))
    if fresh.status_code == HTTPStatus.GONE:
        return render(request, "open_link_again.html")
    return fresh
