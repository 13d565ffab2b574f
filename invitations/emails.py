"""One function for each email with a link to join or to set up."""

from typing import TYPE_CHECKING

from accounts import mail

if TYPE_CHECKING:
    from operators.models import Operator


def setup_link(operator: "Operator", url: str) -> bool:
    """Send the link to the page where a required operator sets up two-factor authentication."""
    context = {"operator": operator, "url": url, "by_override": operator.effective.by_override}
    return mail.send("invitations/email/setup_link", operator.email, context)


def invitation(operator: "Operator", url: str, inviter: str) -> bool:
    """Send the link with which a new operator joins."""
    return mail.send(
        "invitations/email/invitation", operator.email, {"operator": operator, "url": url, "inviter": inviter}
    )
