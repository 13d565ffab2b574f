"""The setup link of an operator who must set it up: emailed at login, spent by finishing."""

from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.utils import timezone

from accounts.audit.trail import Origin, record
from accounts.models import Action
from accounts.models.outgoing_mail import OutgoingMail
from accounts.person import Person
from invitations import emails, mail_limits
from invitations.link_mail import url_of
from invitations.models import Link, TooSoonError
from twofactor import enrollment, recovery
from twofactor.models import TwoFactorUser


class DeadLinkError(Exception):
    """The link was used, replaced or withdrawn in the meantime."""


def send(operator: Person, by: Origin, next_url: str = "", *, at_login: bool = False) -> int:
    """Replace the older link; the page of the new one leads on to `next_url`.

    `at_login`: requested by the operator's own login, otherwise by an administrator. Returns 0, or the
    seconds to wait if a limit is reached: then the older link still works. `last_email` says what became of
    the email.
    """
    try:
        with mail_limits.record_refusals(operator, by):
            emails.setup_link(operator, by, next_url, at_login=at_login)
    except TooSoonError as error:
        return error.wait
    return 0


def next_url_of(link: Link) -> str:
    """What the login was for, maybe in another browser."""
    return link.mail.context.get("wanted", "") if link.mail else ""


def make_link(operator: Person, by: Origin) -> str:
    """For passing on by hand: the link asks for the password."""
    with transaction.atomic():
        token = Link.issue(operator, Link.Purpose.SETUP, operator.email, by.actor_name)
        record(Action.SETUP_LINK_COPIED, by=by, subject=operator)
    return url_of(Link.Purpose.SETUP, token)


def last_email(operator: Person) -> tuple[OutgoingMail | None, int, bool]:
    """Return the email, the seconds until another may be sent, and whether the link works."""
    links = Link.objects.select_related("mail")
    link = links.filter(user=operator.pk, purpose=Link.Purpose.SETUP).first()
    if link is None:
        return None, 0, False
    now = timezone.now()
    return link.mail, link.wait_seconds(now), link.is_live(operator, now)


def withdraw(operator: Person, by: Origin) -> bool:
    with transaction.atomic():
        if not Link.kill(operator, Link.Purpose.SETUP):
            return False
        record(Action.SETUP_LINK_WITHDRAWN, by=by, subject=operator)
    return True


def finish(session: SessionBase, link: Link, operator: TwoFactorUser, code: str, by: Origin) -> list[str]:
    """Enroll and spend the link, both or neither; return the recovery codes.

    Raises DeadLinkError, and what twofactor.enrollment.confirm and enroll raise.
    """
    confirmed = enrollment.confirm(session, operator, code)
    codes = recovery.generate()
    with transaction.atomic():
        if not link.spend(timezone.now()):
            raise DeadLinkError
        enrollment.enroll(operator, confirmed, by, codes)
    return codes
