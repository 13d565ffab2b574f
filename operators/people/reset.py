"""Resetting two-factor authentication: the authenticator goes, and with it everything it opened."""

from django.db import transaction

from accounts.audit.trail import Origin, record
from accounts.models import Action
from accounts.models.outgoing_mail import OutgoingMail
from operators import emails
from operators.models import Operator
from twofactor import enrollment


class NotEnrolledError(Exception):
    """There is no authenticator to reset, or what asks for it has been ended: somebody else was faster."""


def reset(operator: Operator, by: Origin, reason: str = "") -> OutgoingMail:
    """Remove the operator's authenticator; return the email about it.

    Ends all of the operator's sessions, waiting sign-ins and unspent links. The secret is deleted, so
    the old phone never works again. Raises NotEnrolledError, and SecretUnreadableError where the server
    cannot read the secret: with its key put right the phone works, and a reset would throw it away.
    """
    enrollment.check_readable(operator)
    return reset_unread(operator, by, reason)


def reset_unread(operator: Operator, by: Origin, reason: str = "") -> OutgoingMail:
    """Do what `reset` does, also where the server cannot read the secret: for the command line.

    The notices are stored with the change, so that it needs no mail server.
    """
    with transaction.atomic():
        _remove(operator, by, reason)
        mail = emails.two_factor_was_reset(operator, by)
        emails.administrator_was_reset(operator, by)
    return mail


def _remove(operator: Operator, by: Origin, reason: str) -> None:
    if not enrollment.remove(operator, by):
        raise NotEnrolledError
    record(Action.TWO_FACTOR_RESET, by=by, subject=operator, new=reason)
