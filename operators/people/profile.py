"""Changes an operator's name, address or password, and ends the sessions that depend on it."""

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
    """Another operator got the address after it was asked for."""


def change_name(operator: Operator, name: str, by: Origin) -> bool:
    with transaction.atomic():
        old = Operator.objects.select_for_update(no_key=True).get(pk=operator.pk).name
        if old == name:
            return False
        Operator.objects.filter(pk=operator.pk).update(name=name)
        record(Action.NAME_CHANGED, by=by, subject=operator, old=old, new=name)
    return True


def request_email(operator: Operator, email: str, by: Origin) -> OutgoingMail:
    """Email a link to the new address; nothing changes until it is confirmed.

    If another operator has the address, only the email says so, so that nobody finds out who else is here.
    Raises invitations.models.TooSoonError.
    """
    with mail_limits.record_refusals(operator, by), transaction.atomic():
        in_use = Operator.objects.filter(email=email).exists()
        mail = emails.confirm_address(operator, email, by, in_use=in_use)
        record(Action.EMAIL_REQUESTED, by=by, subject=operator, old=operator.email, new=email)
    return mail


def confirm_email(link: Link, by: Origin) -> Operator | None:
    """Return the operator as stored now, None for a dead link. Raises AddressTakenError.

    The other sessions end, because the address is half of the login.
    """
    old = link.user.email
    try:
        changed = _store_email(link, by, old)
    except IntegrityError as error:
        # The check made when it was asked for may be hours old: the constraint decides.
        raise AddressTakenError from error
    if not changed:
        return None
    operator: Operator = Operator.objects.complete().get(pk=link.user_id)
    return operator


def _store_email(link: Link, by: Origin, old: str) -> bool:
    """Spend the link and store its address, both or neither; False if the link no longer works."""
    with transaction.atomic():
        if not link.spend(timezone.now()):
            return False
        # Every change of address renews the nonce: with the same nonce, `old` is still right.
        operator = Operator.objects.filter(pk=link.user_id, session_nonce=link.nonce)
        if not operator.update(email=link.email, session_nonce=new_nonce()):
            return False
        link.user.delete_sessions(keep=by.session_key)
        record(Action.EMAIL_CHANGED, by=by, subject=link.user, old=old, new=link.email)
        link.user.email = link.email
        emails.address_was_changed(link.user, old, by)
    return True


def change_password(operator: Operator, password: str, by: Origin) -> bool:
    """Replace the password that was just checked; False if it was changed in between.

    Ends the other sessions; the caller must give the current one the new hash.
    """
    password_hash, nonce = make_password(password), new_nonce()
    with transaction.atomic():
        # Of two changes at once only one finds the old hash; a reset in between has renewed the nonce.
        row = Operator.objects.filter(
            pk=operator.pk, password=operator.password, session_nonce=operator.session_nonce
        )
        if not row.update(password=password_hash, session_nonce=nonce):
            return False
        operator.delete_sessions(keep=by.session_key)
        record(Action.PASSWORD_CHANGED, by=by, subject=operator)
        emails.password_was_changed(operator, by)
    operator.password, operator.session_nonce = password_hash, nonce
    return True
