"""Notices: emails of a few sentences that tell people what was done to their sign-in, when and from where."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.mail.notice_mail import notify, plain
from accounts.models.outgoing_mail import OutgoingMail
from accounts.person import Person

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


IF_NOT_YOU = _("If you did not do this, tell an administrator of your account at once.")


@dataclass(frozen=True, slots=True)
class Notice:
    """What a notice says. `%(product)s`, `%(email)s` and the words given to `tell` are filled in."""

    subject: "_StrPromise"
    sentence: "_StrPromise"
    more: "_StrPromise | str" = field(default="", kw_only=True)
    advice: "_StrPromise" = IF_NOT_YOU

    def filled(self, reader: Person, *at_the_end: str, **words: object) -> dict[str, object]:
        words = {"product": settings.PRODUCT_NAME, "email": reader.email, **words}
        return {
            "name": plain(reader.name) or reader.email,
            "subject": self.subject % words,
            "sentences": [
                *(text % words for text in (self.sentence, self.more) if text),
                *at_the_end,
            ],
            "advice": self.advice % words,
        }


def tell(
    reader: Person, notice: Notice, address: str | None, *, about_self: bool = True, **words: object
) -> OutgoingMail:
    """Call it in the transaction of what it tells; "This was not me" is for notices about the reader."""
    context = notice.filled(reader, _when_and_where(timezone.now(), address), **words)
    about = {"about": reader.pk if about_self else None}
    return notify("email/notice", reader.email, context | about, account=reader.account)


def _when_and_where(at: datetime, address: str | None) -> str:
    when = date_format(timezone.localtime(at, timezone.get_fixed_timezone(0)), "DATETIME_FORMAT")
    if address is None:
        return gettext("When: %(when)s UTC.") % {"when": when}
    return gettext("When: %(when)s UTC. From the network address: %(address)s.") % {
        "when": when,
        "address": address,
    }
