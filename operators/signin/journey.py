"""What happens after a password is entered: the journey from the login page into a session."""

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
from accounts.session_store import ours
from invitations import setup_link
from operators.administrators import is_sole_way_in
from operators.backends import PasswordBackend
from operators.models import Operator
from operators.rules.next_step import NextStep, next_step
from twofactor import pending, trusted
from twofactor.made_by import MadeBy

logger = logging.getLogger(__name__)


class SentBeforeError(Exception):
    """The same request was sent before: nothing is checked or counted again."""


class TooManyTriesError(Exception):
    """No password is checked for `wait` seconds."""

    def __init__(self, wait: int) -> None:
        super().__init__()
        self.wait = wait


def check_password(request: HttpRequest, email: str, password: str) -> Operator | None:
    """Return None if the password is wrong or the operator may not log in.

    Raises SentBeforeError, and TooManyTriesError: for unknown addresses too, so it doesn't reveal who exists.
    """
    tries = password_limits.admit(request, normalize_email(email))
    if tries.wait:
        raise TooManyTriesError(tries.wait)
    if tries.sent_before:
        tries.forgive()
        raise SentBeforeError
    operator = authenticate(request, email=email, password=password)
    if isinstance(operator, Operator):
        return operator  # the attempt stays counted until the login is finished
    if known := PasswordBackend().find(email):
        action = Action.SIGN_IN_FAILED if PasswordBackend.may_sign_in(known) else Action.SIGN_IN_REFUSED
        record(action, by=origin(request), subject=known)
    else:
        # Not in the audit trail, which is about operators; and what was typed may be a password.
        logger.info("Log-in failed: nobody has that address")
    return None


def after_password(request: HttpRequest, operator: Operator, next_url: str) -> str | None:
    """Take the step that the policy asks for; return the URL to go to, None if the operator can't log in."""
    is_trusted = trusted.skips_code(request, operator)
    step = next_step(operator.effective, enrolled=operator.is_enrolled, trusted=is_trusted)
    if step in (NextStep.SIGNED_IN, NextStep.TRUSTED):
        made_by = MadeBy.TRUSTED_BROWSER if step is NextStep.TRUSTED else MadeBy.PASSWORD
        return _sign_in(request, operator, next_url, made_by)
    if step is NextStep.SETUP_LINK:
        record(Action.SIGN_IN_STOPPED, by=origin(request, operator), subject=operator)
        return _send_setup_link(request, operator, next_url)
    return _wait_for_step(request, operator, next_url, step)


def _wait_for_step(request: HttpRequest, operator: Operator, next_url: str, step: NextStep) -> str | None:
    if step is NextStep.CODE:
        pending.begin(request, operator, pending.Step.CODE, next_url)
        return reverse("twofactor:verify")
    if step is NextStep.OFFER:
        pending.begin(request, operator, pending.Step.OFFER, next_url)
        return reverse("operators:offer")
    return None


def after_offer(request: HttpRequest, waiting: pending.Pending, *, set_up: bool) -> str | None:
    operator = waiting.user
    # Read again: the day may have come, or the policy changed.
    if next_step(operator.effective, enrolled=operator.is_enrolled) is not NextStep.OFFER:
        return after_password(request, operator, waiting.next_url)
    if set_up:
        return _send_setup_link(request, operator, waiting.next_url)
    return _sign_in(request, operator, waiting.next_url, MadeBy.SETUP_PUT_OFF)


def _sign_in(request: HttpRequest, operator: Operator, next_url: str, made_by: MadeBy) -> str:
    password_limits.forgive(request, operator.email)
    pending.take_over(request, operator)
    ours(request.session).restart()
    pending.sign_in(request, operator, made_by, with_code=False)
    _warn_sole_administrator(request, operator)
    return next_url or operator.landing_url()


def _send_setup_link(request: HttpRequest, operator: Operator, next_url: str) -> str:
    """Email the setup link; the login waits for it in this browser."""
    pending.begin(request, operator, pending.Step.SETUP, next_url)
    setup_link.send(operator, origin(request, operator), next_url, at_login=True)
    return reverse("invitations:check-email")


def _warn_sole_administrator(request: HttpRequest, operator: Operator) -> None:
    # After a login by code the reminder about recovery codes says it.
    if is_sole_way_in(operator):
        text = _(
            "You are the only administrator who can sign in, and you have no recovery codes. If your phone "
            "is lost, nobody can administer this account any more. Make recovery codes on My settings, and "
            "make somebody else an administrator as well."
        )
        messages.warning(request, text)
