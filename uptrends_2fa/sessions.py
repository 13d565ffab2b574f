"""The session of each request: what is stored in the end, and what becomes of a form that was sent twice."""

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
    """Stores the session, and with it the answer for an equal request that comes second."""

    def process_request(self, request: HttpRequest) -> None:
        """Find the session; a page that asks again and again by itself does not keep it alive."""
        super().process_request(request)
        ours(request.session).only_looks_again = "X-Looks-Again" in request.headers

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:  # type: ignore[override]
        """Store what was changed; where the session has ended meanwhile, lead to the login page."""
        session = ours(request.session)
        if request.session.is_empty() and not session.ended:
            # Django would delete the cookie of a session that is not there. By now the browser may have
            # another one: that of a session which an equal request, or another tab, has just opened.
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
    """Django's storage of messages, whose cookie has a name for each installation too."""

    cookie_name = settings.MESSAGES_COOKIE_NAME


def _keep_answer(request: HttpRequest, response: HttpResponseBase, act: Act) -> None:
    """Keep the answer to the act of this request; after a failure the act may be begun again."""
    sealed = ""
    if isinstance(response, HttpResponse) and response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
        sealed = sent_twice.seal(act, response)
    if not sealed:
        sent_twice.give_up_claim(request)
    ours(request.session).keep_answer(act, sealed, is_done=sent_twice.is_done(response))


def _interrupted(request: HttpRequest, response: HttpResponseBase) -> HttpResponse:
    """Lead to the login page where the session ended while a page was made; what was done is still said."""
    text = _(
        "Your session was ended or renewed elsewhere while this was under way. "
        "Log in, and look whether it was done."
    )
    messages.warning(request, text)
    answer = to_login(request)
    said: Any = messages.get_messages(request)
    said.update(answer)  # its middleware has put it into the other answer
    return answer


class SentTwiceMiddleware:
    """Gives the second of two equal requests the answer of the first; after the check of the CSRF token."""

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
        # Without a session there is nothing to claim it in: see `sent_twice.claim_without_session`.
        if session.act is None or not request.COOKIES.get(settings.SESSION_COOKIE_NAME):
            return None
        by_itself = getattr(view, "claims_by_itself", False)
        comes_second = session.is_lost if by_itself else not session.claim()
        return sent_twice.first_answer(request) if comes_second else None
