"""Resets a forgotten password: emails a link, and stores the new password chosen behind it."""

from contextlib import suppress

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from accounts.audit.trail import Origin, record
from accounts.limits import password_limits
from accounts.models import Action
from invitations import mail_limits
from invitations.models import Link, TooSoonError
from operators import emails
from operators.backends import PasswordBackend
from operators.models import Operator, new_nonce
from operators.signin import frozen


def send_link(email: str, by: Origin) -> None:
    """Email a link if the address belongs to an operator who logs in by password, and never tell which.

    Only time differs: storing the email takes some milliseconds (with a queue, no mail server is contacted
    within the request), and after a first attempt the limits of `Link.reserve` stop even that.
    """
    operator = PasswordBackend().find(email)
    if operator is None or not PasswordBackend.has_password(operator):
        return
    with suppress(TooSoonError), mail_limits.record_refusals(operator, by), transaction.atomic():
        emails.password_reset_link(operator, by)
        record(Action.PASSWORD_RESET_SENT, by=by, subject=operator)


def reset_password(link: Link, password: str, by: Origin, *, frees: bool = False) -> bool:
    """Spend the link and store the password, both or neither; False if the link no longer worked.

    Ends every session, does not log in, and leaves the authenticator alone.
    """
    # Before the transaction: hashing is slow on purpose, and would keep others from writing.
    password_hash = make_password(password)
    with transaction.atomic():
        if not link.spend(timezone.now()):
            return False
        # Not `link.user`: deactivation, another reset or a new address may have come in between.
        operator = Operator.objects.filter(pk=link.user_id, session_nonce=link.nonce).with_a_password()
        if not operator.update(password=password_hash, session_nonce=new_nonce()):
            return False
        # The old nonce opens nothing now. The current session's row stays: the caller restarts it.
        link.user.delete_sessions(keep=by.session_key)
        record(Action.PASSWORD_RESET, by=by, subject=link.user)
        if frees:
            frozen.free(link.user, by, "password and code")
        emails.password_was_changed(link.user, by)
    password_limits.forget_strangers(link.email)
    return True
