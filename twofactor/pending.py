"""Password given, not signed in yet: sole owner of that state, and of the step from it into a session.

The state lives in the server's session. It names the user and stops being valid when its time is
over or when anything renews the user's session nonce (reset, enrollment, new password, deactivation).
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME, login
from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import HttpRequest, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_lazy as _

from accounts import clock
from accounts.audit.trail import origin, record
from accounts.browser_names import browser_name, user_agent
from accounts.http import is_ours, typed_before
from accounts.limits import password_limits
from accounts.mail.notices import tell
from accounts.models import Action
from accounts.network import client_address
from accounts.person import Person
from accounts.session_store import ours
from twofactor import emails, enrollment, proof, unfinished
from twofactor.code_limits import WRONG_CODES_PER_SIGN_IN
from twofactor.made_by import MadeBy

if TYPE_CHECKING:
    from django.contrib.auth.models import _User  # what AUTH_USER_MODEL names

SESSION_KEY = "pending_sign_in"
GONE_ON = _("This login has ended, or was continued in another tab. Log in again.")


class Step(StrEnum):
    CODE = "code"
    SETUP = "setup"
    # The choice between setting up now and later, as it will be required on a day to come.
    OFFER = "offer"


# Seconds. A code is at hand; an email may take a while, so the second one is as long as its link lives.
LIFETIMES: dict[str, int] = {Step.CODE: 10 * 60, Step.SETUP: 60 * 60, Step.OFFER: 10 * 60}

# What waits for somebody at this browser; of a setup link the trail has an entry already.
UNFINISHED = (Step.CODE, Step.OFFER)


@dataclass(frozen=True, slots=True)
class Pending:
    user: "_User"
    step: Step
    next_url: str


def begin(request: HttpRequest, user: Person, step: Step, next_url: str) -> None:
    """End whatever session the browser had."""
    take_over(request, user)
    ours(request.session).restart()
    request.session[SESSION_KEY] = {
        "user": user.pk,
        "backend": user.backend,
        "nonce": user.session_nonce,
        "step": step.value,
        "next": next_url,
        "at": time.time(),
        "address": client_address(request),
        "known": password_limits.is_known(request, user.email),
    }


def take_over(request: HttpRequest, user: Person) -> None:
    """Let the next step continue the user's waiting login, which is then not told of as broken off."""
    if user_id_in(request.session) == user.pk:
        del request.session[SESSION_KEY]


def broken_off(data: Mapping[str, Any]) -> None:
    state = data.get(SESSION_KEY)
    if state and state["step"] in UNFINISHED:
        unfinished.tell(state["user"], state.get("address"), known=state.get("known", False))


def is_over(data: Mapping[str, Any]) -> bool:
    state = data.get(SESSION_KEY)
    if not state or state["step"] not in UNFINISHED:
        return False
    return bool(time.time() - state["at"] >= LIFETIMES[state["step"]])


def current(request: HttpRequest, step: Step) -> Pending | None:
    """The user is read afresh; None where nobody waits for that step any more."""
    state = request.session.get(SESSION_KEY)
    if not state or state["step"] != step or not clock.is_within(state["at"], LIFETIMES[step]):
        return None
    user = ours(request.session).load_user(state["backend"], state["user"])
    if user is None or not constant_time_compare(user.session_nonce, state["nonce"]):
        return None
    user.backend = state["backend"]
    return Pending(user, step, state["next"])


def user_id_in(data: Mapping[str, Any]) -> int | None:
    state = data.get(SESSION_KEY)
    return state["user"] if state else None


def admit_code(request: HttpRequest) -> bool:
    """Return false where this sign-in has used up its tries."""
    return ours(request.session).count_attempt(WRONG_CODES_PER_SIGN_IN)


def take_back_code(request: HttpRequest) -> None:
    """For a code that was not looked at, or was right before."""
    ours(request.session).take_back_attempt()


def codes_left(request: HttpRequest) -> int | None:
    """None where the sign-in has ended, or went on elsewhere."""
    tried = ours(request.session).attempts()
    return None if tried is None else max(0, WRONG_CODES_PER_SIGN_IN - tried)


def end(request: HttpRequest) -> None:
    """Forget the waiting sign-in and everything else about this browser; nobody has given its code.

    The row stays, and so does the cookie: to delete it would end the session that this browser may have by
    now, if another request of it has gone on meanwhile.
    """
    with transaction.atomic():
        if ours(request.session).stop_waiting():
            broken_off(dict(request.session.items()))
    request.session.clear()


def to_login(request: HttpRequest) -> HttpResponseRedirect:
    target = next_url(request)
    return redirect_to_login(target) if target else redirect(settings.LOGIN_URL)


def next_url(request: HttpRequest) -> str:
    """The form that was sent still tells where the session, or its cookie, is gone; "" if not."""
    if state := request.session.get(SESSION_KEY):
        return str(state["next"])
    form: Mapping[str, str] = request.POST or typed_before(request, REDIRECT_FIELD_NAME)
    sent = form.get(REDIRECT_FIELD_NAME, "")
    return sent if sent.startswith("/") and is_ours(request, sent) else ""


def sign_in(request: HttpRequest, user: "_User", made_by: MadeBy, *, with_code: bool) -> None:
    """Open a session for the user; the only place that does.

    `with_code` says whether a code, or the set-up of an authenticator, was among the means.
    """
    state = request.session.pop(SESSION_KEY, None)
    # Not at the first login of all, which whoever has just joined expects.
    is_new = user.last_login is not None and not password_limits.is_known(request, user.email)
    # One transaction, as each costs a wait for the disk.
    with transaction.atomic():
        login(request, user, backend=user.backend)
        by = origin(request, user)
        record(Action.SIGNED_IN, by=by, subject=user, new=made_by)
        if is_new:
            tell(user, emails.NEW_BROWSER, by.address, browser=browser_name(user_agent(request)))
        if state and state["step"] == Step.CODE:
            password_limits.forgive(request, user.email)
    request.session[enrollment.SEED_KEY] = enrollment.new_seed()
    proof.remember(request.session, with_code=with_code)
    password_limits.remember_browser(request, user.email)
    request.session.describe(  # type: ignore[attr-defined]
        address=by.address, user_agent=user_agent(request), made_by=made_by
    )
