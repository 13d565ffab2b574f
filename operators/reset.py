"""Resetting two-factor authentication: the authenticator goes, and with it everything it opened."""

from django.db import transaction

from accounts.audit import Origin, record
from accounts.models import Action
from operators import emails
from operators.models import Operator
from twofactor import enrollment


class NotEnrolledError(Exception):
    """There is no authenticator to reset: somebody else was faster."""


def reset(operator: Operator, by: Origin, reason: str = "") -> bool:
    """Remove the operator's authenticator; return whether the email about it went out.

    Ends all of the operator's sessions, waiting sign-ins and unspent links. The secret is deleted, so
    the old phone never works again. Raises NotEnrolledError.
    """
    remove(operator, by, reason)
    told = emails.two_factor_was_reset(operator, by)
    if operator.is_administrator:
        emails.administrator_was_reset(operator, by)
    return told


def remove(operator: Operator, by: Origin, reason: str = "") -> None:
    """Do what `reset` does, without the email: for the command line, where mail may be down."""
    with transaction.atomic():
        if not enrollment.remove(operator):
            raise NotEnrolledError
        record(Action.TWO_FACTOR_RESET, by=by, subject=operator, new=reason)
