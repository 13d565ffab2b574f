"""Sends invitations, and accepts them: turns a row without a password into an operator who can log in."""

from django.contrib.auth import get_user_model
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.utils import timezone

from accounts.audit.trail import Origin, record
from accounts.models import Action, AuditEntry
from accounts.models.outgoing_mail import OutgoingMail
from accounts.person import Person
from invitations import emails, mail_limits
from invitations.link_mail import url_of
from invitations.models import Link
from invitations.setup_link import DeadLinkError
from twofactor import enrollment, recovery


def send(operator: Person, by: Origin) -> OutgoingMail:
    """Replace the older link. Raises TooSoonError when a limit is reached."""
    with mail_limits.record_refusals(operator, by):
        return emails.invitation(operator, by)


def send_now(operator: Person, by: Origin) -> tuple[OutgoingMail, str]:
    """Without the queue, for the command line: there one attempt is enough, as the link is shown too."""
    return emails.invitation_now(operator, by)


def make_link(operator: Person, by: Origin) -> str:
    with transaction.atomic():
        token = Link.issue(operator, Link.Purpose.INVITATION, operator.email, by.actor_name)
        record(Action.INVITATION_LINK, by=by, subject=operator)
    return url_of(Link.Purpose.INVITATION, token)


def accept(  # noqa: PLR0913  what an acceptance consists of
    session: SessionBase, link: Link, *, name: str, password_hash: str, code: str | None, by: Origin
) -> list[str]:
    """Join the account, and enroll if a code is given, all or nothing; return the recovery codes.

    Raises DeadLinkError, and what twofactor.enrollment.confirm and enroll raise.
    """
    operator = link.user
    confirmed = None if code is None else enrollment.confirm(session, operator, code)
    codes = recovery.generate() if confirmed else []
    now = timezone.now()
    with transaction.atomic():
        if not link.spend(now):
            raise DeadLinkError
        if not operator.join(name, password_hash, now):
            raise DeadLinkError
        if confirmed is not None:
            enrollment.enroll(operator, confirmed, by, codes)
        record(Action.INVITATION_ACCEPTED, by=by, subject=operator)
        if inviter := _inviter_of(operator):
            emails.invitation_was_accepted(inviter, operator, by)
    return codes


def _inviter_of(operator: Person) -> Person | None:
    """Whoever sent or copied the newest invitation; None if they are gone."""
    invited = AuditEntry.objects.filter(
        account=operator.account_id,
        subject_id=operator.pk,
        action__in=(Action.OPERATOR_INVITED, Action.INVITATION_LINK),
    )
    actor_id = invited.values_list("actor_id", flat=True).first()
    inviter: Person | None = get_user_model().objects.filter(pk=actor_id, is_active=True).first()
    return inviter
