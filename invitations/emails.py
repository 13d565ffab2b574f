"""One function for each email with a link to join or to set up."""

from django.utils.translation import gettext_lazy as _

from accounts.audit.trail import Origin
from accounts.days import announced_day
from accounts.mail.notice_mail import in_mail, plain, words_about
from accounts.mail.notices import Notice, tell
from accounts.models.outgoing_mail import OutgoingMail
from accounts.person import Person
from accounts.text import isolated
from invitations import link_mail
from invitations.link_mail import EmailTemplate
from invitations.models import Link

INVITATION_WAS_ACCEPTED = Notice(
    _("Your invitation was accepted"),
    _("%(whom)s has accepted your invitation to %(account)s."),
    _("If you did not invite anybody, tell the other administrators of your account at once."),
)


def setup_link(operator: Person, by: Origin, next_url: str, *, at_login: bool) -> OutgoingMail:
    """`at_login`: a right password has just asked for it; else somebody else sends it."""
    context = {
        "operator": words_about(operator),
        "at_login": at_login,
        "by_name": isolated(plain(by.actor.name)) if by.actor else "",
        "by_override": operator.effective.by_override,
        "day": announced_day(operator.effective),
        "wanted": next_url,  # not in the text: for the browser in which the link is opened
    }
    message = EmailTemplate("invitations/email/setup_link", operator.email, context)
    return link_mail.send(operator, Link.Purpose.SETUP, message, by)


def invitation(operator: Person, by: Origin) -> OutgoingMail:
    return link_mail.send(operator, Link.Purpose.INVITATION, _invitation(operator, by), by)


def invitation_now(operator: Person, by: Origin) -> tuple[OutgoingMail, str]:
    return link_mail.send_now(operator, Link.Purpose.INVITATION, _invitation(operator, by), by)


def _invitation(operator: Person, by: Origin) -> EmailTemplate:
    """Return what an invitation says.

    Whose mailbox it is nobody knows yet, so no name that somebody has typed is in it: the account's was
    given by whoever runs the server, and who invites is known by their address.
    """
    context = {
        "email": operator.email,
        "account": isolated(operator.account.name),
        "required": operator.effective.required,
        "day": announced_day(operator.effective),
        "inviter": by.actor.email if by.actor else "",
    }
    return EmailTemplate("invitations/email/invitation", operator.email, context)


def invitation_was_accepted(inviter: Person, operator: Person, by: Origin) -> None:
    words = {"whom": in_mail(operator), "account": isolated(operator.account.name)}
    tell(inviter, INVITATION_WAS_ACCEPTED, by.address, about_self=False, **words)
