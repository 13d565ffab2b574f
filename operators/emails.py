"""One function for each email about an operator's own sign-in."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import mail
from accounts.audit import Origin
from accounts.notices import tell
from invitations.models import Link, lifetime

if TYPE_CHECKING:
    from operators.models import Operator


def two_factor_was_reset(operator: "Operator", by: Origin) -> bool:
    """Tell an operator that the authenticator no longer counts, and what comes next."""
    return mail.send(
        "operators/email/two_factor_reset",
        operator.email,
        {
            "operator": operator,
            "by_name": by.actor.name if by.actor else "",
            "by_self": by.actor == operator,
            "by_override": operator.effective.by_override,
            "required": operator.effective.required,
            "usable": operator.effective.usable,
            "url": _login_url(),
        },
    )


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


def two_factor_set_up_by(operator: "Operator", by_name: str) -> bool:
    """Tell an operator that somebody else has set up an authenticator for them."""
    context = {"operator": operator, "by_name": by_name, "url": _login_url()}
    return mail.send("operators/email/two_factor_set_up_by", operator.email, context)


def password_reset_link(operator: "Operator", url: str) -> bool:
    """Send the link to the page where a new password is chosen."""
    days = lifetime(Link.Purpose.PASSWORD_RESET).days
    context = {"operator": operator, "url": url, "days": days}
    return mail.send("operators/email/password_reset", operator.email, context)


def password_was_changed(operator: "Operator") -> bool:
    """Tell an operator that the password is a new one."""
    url = settings.SITE_URL + reverse("operators:password-reset")
    context = {"operator": operator, "url": url}
    return mail.send("operators/email/password_changed", operator.email, context)


def confirm_address(operator: "Operator", new_address: str, url: str) -> bool:
    """Send the link that makes a new address the operator's, to that address."""
    context = {"operator": operator, "url": url}
    return mail.send("operators/email/confirm_address", new_address, context)


def address_was_changed(operator: "Operator", old_address: str) -> bool:
    """Tell the old mailbox that it does not count any more."""
    context = {"operator": operator, "old": old_address}
    return mail.send("operators/email/address_changed", old_address, context)


def _login_url() -> str:
    """Return the address of the sign-in page."""
    return settings.SITE_URL + reverse("operators:login")
