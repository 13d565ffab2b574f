"""The setup link of a required operator who is not enrolled: mailed at sign-in, spent by finishing."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts.audit import Origin, record
from accounts.models import Action
from invitations import emails
from invitations.models import Link, TooSoonError
from twofactor import enrollment, recovery

if TYPE_CHECKING:
    from operators.models import Operator


class DeadLinkError(Exception):
    """The link was used, replaced or withdrawn in the meantime."""


def send(operator: "Operator", by: Origin) -> int:
    """Mail a new setup link; the older one stops working.

    Returns 0, or the seconds to wait where the limits allow no further email yet (the older link
    stays valid then). Whether the mail server took it is recorded with the link: see `last_email`.
    """
    try:
        token = Link.issue(operator, Link.Purpose.SETUP, operator.email)
    except TooSoonError as error:
        return error.wait
    url = settings.SITE_URL + reverse("invitations:setup-link", args=[token])
    if emails.setup_link(operator, url):
        record(Action.SETUP_LINK_SENT, by=by, subject=operator)
    else:
        Link.mail_failed(token)
        record(Action.SETUP_LINK_FAILED, by=by, subject=operator)
    return 0


def last_email(operator: "Operator") -> tuple[bool, int]:
    """Return whether the newest setup link went out, and the seconds until another may follow."""
    link = Link.objects.filter(user=operator, purpose=Link.Purpose.SETUP).first()
    if link is None:
        return False, 0
    return link.sent_at is not None, link.wait_seconds(timezone.now())


def finish(session: SessionBase, link: Link, operator: "Operator", code: str, by: Origin) -> list[str]:
    """Enroll the person of the link and spend it, both or neither; return the recovery codes.

    Raises DeadLinkError, and what twofactor.enrollment.confirm and enroll raise.
    """
    confirmed = enrollment.confirm(session, operator, code)
    codes = recovery.generate()
    with transaction.atomic():
        if not link.spend(timezone.now()):
            raise DeadLinkError
        enrollment.enroll(operator, confirmed, by, codes)
    return codes
