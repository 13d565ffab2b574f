"""One act, sent twice: the second request gets the answer of the first, and does nothing.

A password manager sends a form by script and the person clicks as well; or somebody clicks twice. Browsers
give up the first request then, and with it the cookies of its answer. Without this the second one would come
with a session key that the first has just changed, and be refused although nothing is wrong.

**Equal** are two requests with the same session key (or where there is none, the same CSRF cookie), the same
address, and the same form down to its CSRF token. That token is masked anew each time a page is made, so it
is as good as a number of that very copy of the form: equal requests come from one page, as it stood in one
browser.

What is kept, in the row of the session and for a short time, is a keyed digest of all that (`Act.name`), and
the answer, encrypted with a key that is made of the same (`Act.key`). Neither is of use without the request:

- Who has planted or stolen the key of a session from before a step (fixation) has no copy of the form and no
  code, so the new key stays out of reach; nor can codes be tried here, as each guess would need that token.
- Who reads the database finds no cookie in it that is not there already: the key of the session itself.
  Tokens of trusted browsers, and recovery codes, stay unreadable.
- The row must still be there: what ends a session (a new nonce, a freeze, End sessions, a log-out) ends its
  answer too. Only the last act of a session is remembered: a second act, or a further change of the key,
  forgets the one before.

Whoever begins an act claims it first, by one conditional UPDATE; who comes second waits for the answer.

A login begins without a session, in whose row that could be noted. It is claimed in the statement that counts
its password, and its answer is kept in the row of the session that it opens. Its key needs that password.
"""

import json
import os
import time
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from accounts import rate_limit
from accounts.session_store import Act, ours

# How long an act may be under way; afterwards whoever began it has died, and it may be begun again.
UNDER_WAY = timedelta(seconds=30)
# How long an answer is given again: one that leads on, and one that shows the form once more.
DONE, NOT_DONE = timedelta(seconds=60), timedelta(seconds=5)
# Seconds that a second request waits for the answer of the first, and between two looks for it.
PATIENCE, PAUSE = 5, 0.05
# Seconds in which a login may be sent twice. Not longer: who logs out and goes back may send that copy again.
LOGIN_CLAIMED = 10
# In characters. Longer answers are pages with a large table, which nobody loses anything by making twice.
LONGEST = 100_000
NONCE_BYTES = 12  # random; each key is one act's own, and seals a handful of answers at most

ViewType = TypeVar("ViewType", bound=Callable[..., HttpResponseBase])


def act_of(request: HttpRequest) -> Act | None:
    """None where nothing tells the form from another copy of it."""
    cookies = (
        request.COOKIES.get(name) for name in (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME)
    )
    browser = next(filter(None, cookies), None)
    if not browser or not request.POST.get("csrfmiddlewaretoken"):
        return None
    files = [(field, [(each.name, each.size) for each in sent]) for field, sent in request.FILES.lists()]
    value = json.dumps([browser, request.get_full_path(), sorted(request.POST.lists()), files])
    name = salted_hmac("accounts.sent_twice.name", value, algorithm="sha256").hexdigest()
    key = salted_hmac("accounts.sent_twice.key", value, algorithm="sha256").digest()
    return Act(name, key)


def claims_by_itself(view: ViewType) -> ViewType:
    """For a view that claims its act in the statement that counts a code."""
    view.claims_by_itself = True  # type: ignore[attr-defined]
    return view


def claim_without_session(request: HttpRequest) -> rate_limit.Limit | None:
    """None where there is a row of a session, which is claimed instead."""
    session = ours(request.session)
    if session.act is None or session.has_row:
        return None
    return rate_limit.Limit(f"sent twice {session.act.name}", 1, LOGIN_CLAIMED)


def give_up_claim(request: HttpRequest) -> None:
    """Tells whoever waits for the answer to this login that none is kept: nothing was opened."""
    session = ours(request.session)
    claim = claim_without_session(request)
    if claim and session.claimed:
        rate_limit.reset([claim])


def answer_to_login(request: HttpRequest) -> HttpResponse | None:
    """None where the equal login that came first has opened nothing."""
    claim = claim_without_session(request)
    give_up = time.monotonic() + PATIENCE
    while claim and rate_limit.is_there(claim):
        if answer := first_answer(request):
            return answer
        if time.monotonic() >= give_up:
            return _not_finished(request)
        time.sleep(PAUSE)
    return None


def first_answer(request: HttpRequest) -> HttpResponse | None:
    """Waits for the answer to an equal request that came first; None where none did."""
    session = ours(request.session)
    act = session.act
    give_up = time.monotonic() + PATIENCE
    while act and (kept := session.kept(act)):
        session_key, sealed = kept
        if sealed:
            return _answer(request, act, session_key, sealed)
        if time.monotonic() >= give_up:
            return _not_finished(request)
        time.sleep(PAUSE)
    return None


def seal(act: Act, response: HttpResponse) -> str:
    """Return "" where the answer is too long to be kept."""
    cookies = [(name, cookie.value, dict(cookie)) for name, cookie in response.cookies.items()]
    # Latin-1 gives each byte a character of its own.
    parts = [response.status_code, dict(response.headers), cookies, response.content.decode("latin-1")]
    nonce = os.urandom(NONCE_BYTES)
    ciphertext = AESGCM(act.key).encrypt(nonce, zlib.compress(json.dumps(parts).encode()), None)
    sealed = urlsafe_b64encode(nonce + ciphertext).decode()
    return sealed if len(sealed) <= LONGEST else ""


def is_done(response: HttpResponseBase) -> bool:
    return response.has_header("Location")


def set_session_cookie(response: HttpResponse, session_key: str) -> None:
    response.set_cookie(
        settings.SESSION_COOKIE_NAME,
        session_key,
        max_age=settings.SESSION_COOKIE_AGE,
        path=settings.SESSION_COOKIE_PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=settings.SESSION_COOKIE_HTTPONLY,
        samesite=settings.SESSION_COOKIE_SAMESITE,
    )


def _answer(request: HttpRequest, act: Act, session_key: str, sealed: str) -> HttpResponse:
    """Brings its cookies: those of the first answer may never have reached the browser."""
    raw = urlsafe_b64decode(sealed)
    plain = AESGCM(act.key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], None)
    status, headers, cookies, body = json.loads(zlib.decompress(plain))
    response = HttpResponse(body.encode("latin-1"), status=status, headers=headers)
    for name, value, attributes in cookies:
        response.cookies[name] = value
        response.cookies[name].update(attributes)
    if session_key != request.COOKIES.get(settings.SESSION_COOKIE_NAME):
        set_session_cookie(response, session_key)
    return response


def _not_finished(request: HttpRequest) -> HttpResponse:
    text = _("You sent this twice, and the first one is still under way. Look again in a moment.")
    messages.info(request, text)
    return redirect("/")
