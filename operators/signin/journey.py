"""A right password: what now? The one journey that needs all the rest."""

import logging

from django.contrib import messages
from django.contrib.auth import authenticate
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.addresses import normalize_email
from accounts.audit.trail import origin, record
from accounts.limits import password_limits
from accounts.models import Action
from invitations import setup_link
from operators.administrators import is_sole_way_in
from operators.backends import PasswordBackend
from operators.models import Operator
from operators.rules.next_step import NextStep, next_step
from twofactor import pending, trusted
from twofactor.made_by import MadeBy

logger = logging.getLogger(__name__)


class SentBeforeError(Exception):
    """An equal request came first: nothing is looked at or counted once more."""


class TooManyTriesError(Exception):
    """No password is looked at for a while; `wait` is in seconds."""

    def __init__(self, wait: int) -> None:
        super().__init__()
        self.wait = wait


def check_password(request: HttpRequest, email: str, password: str) -> Operator | None:
    """Return the operator who may go on, or None; a failure is recorded where the address is somebody's.

    Raises TooManyTriesError, for addresses of nobody like for all others, and SentBeforeError.
    """
    tries = password_limits.admit(request, normalize_email(email))
    if tries.wait:
        raise TooManyTriesError(tries.wait)
    if tries.sent_before:
        tries.forgive()
        raise SentBeforeError
    operator = authenticate(request, email=email, password=password)
    if isinstance(operator, Operator):
        return operator  # the try stays counted until the login is finished
    if known := PasswordBackend().find(email):
        action = Action.SIGN_IN_FAILED if PasswordBackend.may_sign_in(known) else Action.SIGN_IN_REFUSED
        record(action, by=origin(request), subject=known)
    else:
        # No trail is about nobody, and what was typed may be a password in the wrong field.
        logger.info("Log-in failed: nobody has that address")
    return None


def after_password(request: HttpRequest, operator: Operator, next_url: str) -> str | None:
    """Take the step that the policy asks for; return the address to go to, None where there is no way in."""
    is_trusted = trusted.skips_code(request, operator)
    step = next_step(operator.effective, enrolled=operator.is_enrolled, trusted=is_trusted)
    if step in (NextStep.SIGNED_IN, NextStep.TRUSTED):
        made_by = MadeBy.TRUSTED_BROWSER if step is NextStep.TRUSTED else MadeBy.PASSWORD
        return _sign_in(request, operator, next_url, made_by)
    if step is NextStep.SETUP_LINK:
        record(Action.SIGN_IN_STOPPED, by=origin(request, operator), subject=operator)
        return _send_setup_link(request, operator, next_url)
    return _wait(request, operator, next_url, step)


def _wait(request: HttpRequest, operator: Operator, next_url: str, step: NextStep) -> str | None:
    """Remember who waits for a page of their own; return its address, None where there is no way in."""
    if step is NextStep.CODE:
        pending.begin(request, operator, pending.Step.CODE, next_url)
        return reverse("twofactor:verify")
    if step is NextStep.OFFER:
        pending.begin(request, operator, pending.Step.OFFER, next_url)
        return reverse("operators:offer")
    return None


def after_offer(request: HttpRequest, waiting: pending.Pending, *, set_up: bool) -> str | None:
    """Do what was chosen, while there is a choice: the policy is read again, and the day may have come."""
    operator = waiting.user
    if next_step(operator.effective, enrolled=operator.is_enrolled) is not NextStep.OFFER:
        return after_password(request, operator, waiting.next_url)
    if set_up:
        return _send_setup_link(request, operator, waiting.next_url)
    return _sign_in(request, operator, waiting.next_url, MadeBy.SETUP_PUT_OFF)


def _sign_in(request: HttpRequest, operator: Operator, next_url: str, made_by: MadeBy) -> str:
    """Open a session without a code."""
    password_limits.forgive(request, operator.email)
    pending.go_on(request, operator)
    request.session.restart()  # type: ignore[attr-defined]  # our own store
    pending.sign_in(request, operator, made_by, with_code=False)
    _warn(request, operator)
    return next_url or operator.landing_url()


def _send_setup_link(request: HttpRequest, operator: Operator, next_url: str) -> str:
    """Mail the setup link; whoever asked for it waits for it here."""
    pending.begin(request, operator, pending.Step.SETUP, next_url)
    setup_link.send(operator, origin(request, operator), next_url, at_login=True)
    return reverse("invitations:check-email")


def _warn(request: HttpRequest, operator: Operator) -> None:
    """Say that the account hangs on one phone; after a code the reminder of recovery codes says it."""
    if is_sole_way_in(operator):
        text = _(
            "You are the only administrator who can sign in, and you have no recovery codes. If your phone "
            "is lost, nobody can administer this account any more. Make recovery codes on My settings, and "
            "make somebody else an administrator as well."
        )
        messages.warning(request, text)
