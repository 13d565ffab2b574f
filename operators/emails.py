"""One function for each email about an operator's own sign-in."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.audit import Origin
from accounts.mail import notify, words_about
from accounts.notices import tell
from accounts.outgoing import OutgoingMail
from invitations import link_mail
from invitations.link_mail import Message
from invitations.models import Link, lifetime

if TYPE_CHECKING:
    from operators.models import Operator


def two_factor_was_reset(operator: "Operator", by: Origin) -> OutgoingMail:
    """Tell an operator that the authenticator no longer counts, and what comes next."""
    context = {
        "by_name": by.actor.name if by.actor else "",
        "by_self": by.actor == operator,
        "by_override": operator.effective.by_override,
        "required": operator.effective.required,
        "usable": operator.effective.usable,
        "url": _login_url(),
    }
    return _notify("two_factor_reset", operator, operator.email, context)


def administrator_was_reset(operator: "Operator", by: Origin) -> None:
    """Tell the other administrators that one of them has no second factor now."""
    for administrator in operator.administrators_to_tell():
        tell(
            administrator,
            _("Two-factor authentication of an administrator was reset"),
            _("%(who)s has reset the two-factor authentication of %(whom)s, who is an administrator.")
            % {"who": by.actor or _("The command line"), "whom": operator},
            address=by.address,
            advice=_("If that surprises you, speak to both at once."),
        )


def two_factor_set_up_by(operator: "Operator", by_name: str) -> OutgoingMail:
    """Tell an operator that somebody else has set up an authenticator for them."""
    context = {"by_name": by_name, "url": _login_url()}
    return _notify("two_factor_set_up_by", operator, operator.email, context)


def password_was_changed(operator: "Operator") -> OutgoingMail:
    """Tell an operator that the password is a new one."""
    context = {"url": settings.SITE_URL + reverse("operators:password-reset")}
    return _notify("password_changed", operator, operator.email, context)


def address_was_changed(operator: "Operator", old_address: str) -> OutgoingMail:
    """Tell the old mailbox that it does not count any more."""
    return _notify("address_changed", operator, old_address, {"old": old_address})


def password_reset_link(operator: "Operator", by: Origin) -> OutgoingMail:
    """Mail the link to the page where a new password is chosen."""
    context = {"operator": words_about(operator), "days": lifetime(Link.Purpose.PASSWORD_RESET).days}
    message = Message("operators/email/password_reset", operator.email, context)
    return link_mail.send(operator, Link.Purpose.PASSWORD_RESET, message, by)


def confirm_address(operator: "Operator", new_address: str, by: Origin) -> OutgoingMail:
    """Mail the link that makes a new address the operator's, to that address."""
    message = Message("operators/email/confirm_address", new_address, {"operator": words_about(operator)})
    return link_mail.send(operator, Link.Purpose.EMAIL, message, by)


def _notify(name: str, operator: "Operator", to: str, context: Mapping[str, object]) -> OutgoingMail:
    """Send a notice about this operator."""
    context = {"operator": words_about(operator), **context}
    return notify(f"operators/email/{name}", to, context, account=operator.account)


def _login_url() -> str:
    """Return the address of the sign-in page."""
    return settings.SITE_URL + reverse("operators:login")
