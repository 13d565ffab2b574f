"""Notices: emails that tell people what was done to their sign-in, when and from where.

All have one form: a subject, some sentences, time and network address, and what to do where it was
somebody else.
"""

from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.mail.notice_mail import notify, plain
from accounts.models.outgoing_mail import OutgoingMail

if TYPE_CHECKING:
    from datetime import datetime

    from operators.models import Operator


def tell(  # noqa: PLR0913  a notice has these parts
    operator: "Operator",
    subject: str,
    *sentences: str,
    address: str | None,
    to: str = "",
    advice: str = "",
    about_self: bool = True,
) -> OutgoingMail:
    """Email one operator (`to`: in another mailbox than the stored one).

    A notice about themselves brings the link "This was not me"; one about somebody else does not.

    To be called in the transaction of what it tells, so that neither is without the other.
    """
    context: dict[str, object] = {
        "name": plain(operator.name) or operator.email,
        "subject": subject,
        "sentences": [*sentences, _when_and_where(timezone.now(), address)],
        "about": operator.pk if about_self else None,
        "advice": advice or _("If you did not do this, tell an administrator of your account at once."),
    }
    return notify("email/notice", to or operator.email, context, account=operator.account)


def _when_and_where(at: "datetime", address: str | None) -> str:
    when = date_format(timezone.localtime(at, timezone.get_fixed_timezone(0)), "DATETIME_FORMAT")
    if address is None:
        return _("When: %(when)s UTC.") % {"when": when}
    return _("When: %(when)s UTC. From the network address: %(address)s.") % {
        "when": when,
        "address": address,
    }
