"""Password given, not signed in yet: sole owner of that state, and of the step from it into a session.

The state lives in the server's session. It names the user and stops being valid when its time is
over or when anything renews the user's session nonce (reset, enrollment, new password, deactivation).
"""

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from django.contrib.auth import load_backend, login
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from accounts.audit import origin, record
from accounts.browser_names import user_agent
from accounts.models import Action
from twofactor import enrollment

if TYPE_CHECKING:
    from operators.models import Operator

SESSION_KEY = "pending_sign_in"


class Step(StrEnum):
    """What is still missing."""

    CODE = "code"
    SETUP = "setup"


# Seconds. A code is at hand; an email may take a while, so the second one is as long as its link lives.
LIFETIMES = {Step.CODE: 10 * 60, Step.SETUP: 60 * 60}


@dataclass(frozen=True, slots=True)
class Pending:
    """A person who has given the right password, and where they want to go."""

    user: "Operator"
    step: Step
    next_url: str
    wrong_codes: int


def begin(request: HttpRequest, user: "Operator", step: Step, next_url: str) -> None:
    """Remember that this browser has given the user's password. Ends whatever session it had."""
    request.session.flush()
    request.session[SESSION_KEY] = {
        "user": user.pk,
        "backend": user.backend,
        "nonce": user.session_nonce,
        "step": step.value,
        "next": next_url,
        "at": time.time(),
        "wrong": 0,
    }


def current(request: HttpRequest, step: Step) -> Pending | None:
    """Return who is waiting in this browser for that step, read afresh; None where nobody is any more."""
    state = request.session.get(SESSION_KEY)
    if not state or state["step"] != step or time.time() - state["at"] >= LIFETIMES[step]:
        return None
    user = load_backend(state["backend"]).get_user(state["user"])
    if user is None or not constant_time_compare(user.session_nonce, state["nonce"]):
        return None
    user.backend = state["backend"]
    return Pending(user, step, state["next"], state["wrong"])


def count_wrong_code(request: HttpRequest) -> int:
    """Add a wrong code to the waiting sign-in; return how many there were."""
    state = request.session[SESSION_KEY]
    request.session[SESSION_KEY] = {**state, "wrong": state["wrong"] + 1}
    return int(state["wrong"]) + 1


def end(request: HttpRequest) -> None:
    """Forget the waiting sign-in and everything else about this browser."""
    request.session.flush()


def sign_in(request: HttpRequest, user: "Operator", how: str) -> None:
    """Open a session for the user; the only place that does. `how` says in words by which means."""
    request.session.pop(SESSION_KEY, None)
    login(request, user, backend=user.backend)
    request.session[enrollment.SEED_KEY] = enrollment.new_seed()
    by = origin(request, user)
    request.session.describe(address=by.address, user_agent=user_agent(request))  # type: ignore[attr-defined]
    record(Action.SIGNED_IN, by=by, subject=user, new=how)
