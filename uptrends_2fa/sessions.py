"""Stores the session of each request, and answers a form that was sent twice."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.sessions import middleware
from django.contrib.sessions.exceptions import SessionInterrupted
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _

from accounts import sent_twice
from accounts.session_store import Act, ours
from uptrends_2fa.middleware import to_login


class SessionMiddleware(middleware.SessionMiddleware):
    """Also stores the response, for the same request sent again."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        # A page that polls does not keep the session alive.
        ours(request.session).only_looks_again = "X-Looks-Again" in request.headers

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:  # type: ignore[override]
        session = ours(request.session)
        if request.session.is_empty() and not session.ended:
            # Django would delete the cookie of a missing session. By now the browser may have another one,
            # from the same request sent again or from another tab.
            sent_twice.give_up_claim(request)
            patch_vary_headers(response, ("Cookie",))
            return response
        act = session.act if session.claimed else None
        if act:
            _keep_answer(request, response, act)
        try:
            super().process_response(request, response)  # type: ignore[arg-type]
        except SessionInterrupted:
            return _interrupted(request, response)
        if act:
            session.store_answer(act)
        return response


class Messages(CookieStorage):
    """Names the cookie of messages after the installation, like the others."""

    cookie_name = settings.MESSAGES_COOKIE_NAME


def _keep_answer(request: HttpRequest, response: HttpResponseBase, act: Act) -> None:
    """After a failure keep nothing: the act may be tried again."""
    sealed = ""
    if isinstance(response, HttpResponse) and response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
        sealed = sent_twice.seal(act, response)
    if not sealed:
        sent_twice.give_up_claim(request)
    ours(request.session).keep_answer(act, sealed, is_done=sent_twice.is_done(response))


def _interrupted(request: HttpRequest, response: HttpResponseBase) -> HttpResponse:
    """Lead to the login page, and still show the messages of what was done."""
    text = _(
        "Your session was ended or renewed elsewhere while this was under way. "
        "Log in, and look whether it was done."
    )
    messages.warning(request, text)
    answer = to_login(request)
    said: Any = messages.get_messages(request)
    said.update(answer)  # its middleware has written them into the other response
    return answer


class SentTwiceMiddleware:
    """Answers the second of two equal requests like the first; comes after the check of the CSRF token."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], _args: Any, _kwargs: Any
    ) -> HttpResponse | None:
        if request.method != "POST":
            return None
        session = ours(request.session)
        session.act = sent_twice.act_of(request)
        # Without a session there is no row to claim it in: see `sent_twice.claim_without_session`.
        if session.act is None or not request.COOKIES.get(settings.SESSION_COOKIE_NAME):
            return None
        by_itself = getattr(view, "claims_by_itself", False)
        comes_second = session.is_lost if by_itself else not session.claim()
        return sent_twice.first_answer(request) if comes_second else None
