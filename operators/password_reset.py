"""Forgot the password: a link to the mailbox, and a new password behind it."""

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts import guessing
from accounts.audit import Origin, record
from accounts.models import Action
from invitations.models import Link, TooSoonError
from operators import emails
from operators.backends import PasswordBackend
from operators.models import Operator, new_nonce


def send_link(email: str, by: Origin) -> None:
    """Mail a link to an operator for whom the password is the way in; for every other address do nothing.

    Never says which of the two it was. What differs is time: storing a link and talking to the mail
    server take longer than doing nothing, and a patient stranger can measure that. It is accepted as long
    as mails go out within the request; after a first try the limits of `Link.issue` leave the mail out of it.
    """
    operator = PasswordBackend().find(email)
    if operator is None or not PasswordBackend.may_sign_in(operator):
        return
    try:
        token = Link.issue(operator, Link.Purpose.PASSWORD_RESET, operator.email)
    except TooSoonError:
        return
    record(Action.PASSWORD_RESET_SENT, by=by, subject=operator)
    url = settings.SITE_URL + reverse("operators:password-reset-link", args=[token])
    if not emails.password_reset_link(operator, url):
        Link.mail_failed(token)


def reset_password(link: Link, password: str, by: Origin) -> bool:
    """Spend the link and store the password, both or neither; return whether the link was still alive.

    Ends every session of the operator, does not sign in, and leaves the authenticator alone.
    """
    # Before the transaction: hashing is slow on purpose, and nobody else could write meanwhile.
    password_hash = make_password(password)
    with transaction.atomic():
        if not link.spend(timezone.now()):
            return False
        # Not `link.user`: deactivation, another reset or a new address may have come in between.
        operator = Operator.objects.filter(pk=link.user_id, session_nonce=link.nonce).with_a_way_in()
        if not operator.update(password=password_hash, session_nonce=new_nonce()):
            return False
        link.user.delete_sessions()
        record(Action.PASSWORD_RESET, by=by, subject=link.user)
    guessing.forget_strangers(link.email)
    emails.password_was_changed(link.user)
    return True
