"""Inviting a person, and accepting: from a row without password to an operator who is signed in."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts.audit import Origin, record
from accounts.models import Action
from invitations import emails
from invitations.models import Link
from invitations.setup_link import DeadLinkError
from twofactor import enrollment, recovery

if TYPE_CHECKING:
    from operators.models import Operator


def send(operator: "Operator", by: Origin) -> tuple[bool, str]:
    """Mail an invitation; the older link stops working.

    Returns whether the mail server took it, and the link, which works either way. Raises
    TooSoonError where the limits allow no further email yet.
    """
    token = Link.issue(operator, Link.Purpose.INVITATION, operator.email)
    url = url_of(token)
    if emails.invitation(operator, url, by.actor.name if by.actor else ""):
        record(Action.OPERATOR_INVITED, by=by, subject=operator)
        return True, url
    Link.mail_failed(token)
    record(Action.INVITATION_FAILED, by=by, subject=operator)
    return False, url


def make_link(operator: "Operator", by: Origin) -> str:
    """Return a new invitation link to pass on by hand; the older one stops working."""
    with transaction.atomic():
        token = Link.issue(operator, Link.Purpose.INVITATION, operator.email, mailed=False)
        record(Action.INVITATION_LINK, by=by, subject=operator)
    return url_of(token)


def url_of(token: str) -> str:
    """Return the address of an invitation."""
    return settings.SITE_URL + reverse("invitations:invitation-link", args=[token])


def accept(  # noqa: PLR0913  what an acceptance consists of
    session: SessionBase, link: Link, *, name: str, password_hash: str, code: str | None, by: Origin
) -> tuple["Operator", list[str]]:
    """Make the invited person an operator, with an authenticator where a code is given: all or nothing.

    Returns the operator, and the recovery codes of the authenticator. Raises DeadLinkError, and what
    twofactor.enrollment.confirm and enroll raise.
    """
    operator: Operator = link.user
    confirmed = None if code is None else enrollment.confirm(session, operator, code)
    codes = recovery.generate() if confirmed else []
    now = timezone.now()
    with transaction.atomic():
        if not link.spend(now):
            raise DeadLinkError
        operator.join(name, password_hash, now)
        if confirmed is not None:
            enrollment.enroll(operator, confirmed, by, codes)
        record(Action.INVITATION_ACCEPTED, by=by, subject=operator)
    return operator, codes
