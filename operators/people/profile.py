"""Changing a name, an address or a password: what is stored, who is told, and which sessions end."""

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.audit.trail import Origin, record
from accounts.models import Action
from accounts.models.outgoing_mail import OutgoingMail
from invitations import mail_limits
from invitations.models import Link
from operators import emails
from operators.models import Operator, new_nonce


class AddressTakenError(Exception):
    """Somebody else has come to have the address since it was asked for."""


def change_name(operator: Operator, name: str, by: Origin) -> bool:
    """Store the name; return whether it differs from before."""
    with transaction.atomic():
        old = Operator.objects.select_for_update(no_key=True).get(pk=operator.pk).name
        if old == name:
            return False
        Operator.objects.filter(pk=operator.pk).update(name=name)
        record(Action.NAME_CHANGED, by=by, subject=operator, old=old, new=name)
    return True


def request_email(operator: Operator, email: str, by: Origin) -> OutgoingMail:
    """Mail a link to the new address; until it is confirmed nothing changes.

    Where somebody has that address already, the email says so, and nothing else does: neither an operator nor
    an administrator finds out who else is here. Raises invitations.models.TooSoonError.
    """
    with mail_limits.written_down(operator, by), transaction.atomic():
        in_use = Operator.objects.filter(email=email).exists()
        mail = emails.confirm_address(operator, email, by, in_use=in_use)
        record(Action.EMAIL_REQUESTED, by=by, subject=operator, old=operator.email, new=email)
    return mail


def confirm_email(link: Link, by: Origin) -> Operator | None:
    """Make the address of the link the operator's; return the operator as stored now, None for a dead link.

    The other sessions end, because the address is half of what signs in. Raises AddressTakenError.
    """
    old = link.user.email
    try:
        changed = _store_email(link, by, old)
    except IntegrityError as error:
        # The check when it was asked for is hours old; the constraint decides.
        raise AddressTakenError from error
    if not changed:
        return None
    operator: Operator = Operator.objects.complete().get(pk=link.user_id)
    return operator


def _store_email(link: Link, by: Origin, old: str) -> bool:
    """Spend the link and store its address, both or neither; return whether the link was still alive."""
    with transaction.atomic():
        if not link.spend(timezone.now()):
            return False
        # The nonce is renewed with every change of address: while it stands, `old` is still true.
        operator = Operator.objects.filter(pk=link.user_id, session_nonce=link.nonce)
        if not operator.update(email=link.email, session_nonce=new_nonce()):
            return False
        link.user.delete_sessions(keep=by.session_key)
        record(Action.EMAIL_CHANGED, by=by, subject=link.user, old=old, new=link.email)
        link.user.email = link.email
        emails.address_was_changed(link.user, old, by)
    return True


def change_password(operator: Operator, password: str, by: Origin) -> bool:
    """Store a password in place of the one that was just checked; false where that is no longer the one.

    Ends all sessions; the caller keeps the one in which it happens.
    """
    password_hash, nonce = make_password(password), new_nonce()
    with transaction.atomic():
        # Of two changes at once only one finds the old hash; a reset in between has renewed the nonce.
        same = Operator.objects.filter(
            pk=operator.pk, password=operator.password, session_nonce=operator.session_nonce
        )
        if not same.update(password=password_hash, session_nonce=nonce):
            return False
        operator.delete_sessions(keep=by.session_key)
        record(Action.PASSWORD_CHANGED, by=by, subject=operator)
        emails.password_was_changed(operator, by)
    operator.password, operator.session_nonce = password_hash, nonce
    return True
