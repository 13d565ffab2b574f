"""Emails that carry a link: asked for now, completed with a token when they leave.

The queue and the stored email know neither token nor address of the link; `Link.issue_for` makes the token
when a mail server is about to be asked. Each try makes a new one. So an email that arrives twice (see
`accounts/mail/delivery.py`) brings two links of which the later works, as with any newer link.
"""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django_tasks import task

from accounts.audit.trail import Origin, record
from accounts.mail.delivery import MailKind, attempt, deliver, hand_over
from accounts.models import Action
from accounts.models.outgoing_mail import OutgoingMail
from accounts.person import Person
from invitations import mail_limits
from invitations.ledger import LinkRecord
from invitations.models import Link

Purpose = Link.Purpose
# The pages behind the links, by the names of their addresses.
PAGES = {
    Purpose.SETUP: "invitations:setup-link",
    Purpose.INVITATION: "invitations:invitation-link",
    Purpose.PASSWORD_RESET: "operators:password-reset-link",
    Purpose.EMAIL: "operators:email-link",
}
# What the audit trail says about the outcome; of the other two it says when they are asked for.
OUTCOMES = {
    (Purpose.SETUP, OutgoingMail.State.SENT): Action.SETUP_LINK_SENT,
    (Purpose.SETUP, OutgoingMail.State.FAILED): Action.SETUP_LINK_FAILED,
    (Purpose.SETUP, OutgoingMail.State.REFUSED): Action.SETUP_LINK_FAILED,
    (Purpose.INVITATION, OutgoingMail.State.SENT): Action.OPERATOR_INVITED,
    (Purpose.INVITATION, OutgoingMail.State.FAILED): Action.INVITATION_FAILED,
    (Purpose.INVITATION, OutgoingMail.State.REFUSED): Action.INVITATION_FAILED,
}


@dataclass(frozen=True, slots=True)
class EmailTemplate:
    name: str
    to: str
    context: dict[str, Any]


class LinkKind(MailKind):
    """An email that lacks its link until it leaves."""

    url = ""

    def complete(self, mail: OutgoingMail) -> dict[str, Any] | None:
        """None where the link was replaced, or could not be used any more."""
        issued = Link.issue_for(mail)
        if issued is None:
            return None
        link, token = issued
        self.url = url_of(link.purpose, token)
        return {"url": self.url}

    def settled(self, mail: OutgoingMail) -> None:
        """Gives the link's place in the limits back where the email failed."""
        LinkRecord.note_outcome(mail)
        link = Link.objects.select_related("user__account").filter(mail=mail).first()
        if link is None:
            return
        if mail.has_failed:
            Link.mail_failed(mail)
            mail_limits.give_back(link.user, Purpose(link.purpose), mail)
        if action := OUTCOMES.get((Purpose(link.purpose), OutgoingMail.State(mail.state))):
            why = gettext("The mailbox refuses it.") if mail.is_refused else ""
            record(action, by=Origin(mail.asked_by, mail.address), subject=link.user, new=why)


def send(operator: Person, purpose: Link.Purpose, template: EmailTemplate, by: Origin) -> OutgoingMail:
    """Have a new link mailed in place of the older one.

    Returns the email, whose outcome is known at once only where emails leave within the request. Raises
    TooSoonError where the limits allow no further email yet.
    """
    with transaction.atomic():
        mail = _reserve(operator, purpose, template, by)
        hand_over(mail, send_link)
    return mail


def send_now(
    operator: Person, purpose: Link.Purpose, template: EmailTemplate, by: Origin
) -> tuple[OutgoingMail, str]:
    """One try; the link works even where it fails."""
    with transaction.atomic():
        mail = _reserve(operator, purpose, template, by)
    kind = LinkKind()
    claimed = OutgoingMail.claim(mail.pk, timezone.now()) or mail
    attempt(claimed, kind, last=True)
    return claimed, kind.url


def _reserve(operator: Person, purpose: Link.Purpose, template: EmailTemplate, by: Origin) -> OutgoingMail:
    now = timezone.now()
    mail = OutgoingMail(
        kind=OutgoingMail.Kind.LINK,
        account=operator.account,
        template=template.name,
        to=template.to,
        context=template.context,
        asked_by_id=by.actor_id,
        address=by.address,
        created_at=now,
        next_try_at=now,
    )
    mail_limits.admit(operator, purpose, mail)
    mail.save()
    Link.reserve(operator, purpose, mail, by.actor_name)
    return mail


@task()
def send_link(mail_id: int) -> None:
    deliver(mail_id, send_link, LinkKind())


def url_of(purpose: str, token: str) -> str:
    return settings.SITE_URL + reverse(PAGES[Purpose(purpose)], args=[token])
