"""Resets two-factor authentication: deletes the authenticator, and ends everything it opened."""

from django.db import transaction

from accounts.audit.trail import Origin, record
from accounts.models import Action
from accounts.models.outgoing_mail import OutgoingMail
from operators import emails
from operators.models import Operator
from twofactor import enrollment


class NotEnrolledError(Exception):
    """There is no authenticator, or the session asking for it has ended: somebody else was faster."""


def reset(operator: Operator, by: Origin, reason: str = "") -> OutgoingMail:
    """Delete the authenticator, and end all sessions, waiting logins and unspent links.

    Returns the email about it. Raises NotEnrolledError, and SecretUnreadableError if the server cannot read
    the secret: once its key is put right, the phone works again without a reset.
    """
    enrollment.check_readable(operator)
    return reset_unreadable(operator, by, reason)


def reset_unreadable(operator: Operator, by: Origin, reason: str = "") -> OutgoingMail:
    """Reset even where the server cannot read the secret: for the command line."""
    # The notices are queued with the change, so that it needs no mail server.
    with transaction.atomic():
        if not enrollment.remove(operator, by):
            raise NotEnrolledError
        record(Action.TWO_FACTOR_RESET, by=by, subject=operator, new=reason)
        mail = emails.two_factor_was_reset(operator, by)
        emails.administrator_was_reset(operator, by)
    return mail
