"""Notices: emails that tell somebody what has happened. Emails with a link: `invitations/link_mail.py`."""

import re
from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from django.utils.text import Truncator
from django_tasks import task

from accounts.mail import not_me
from accounts.mail.delivery import MailKind, deliver, hand_over
from accounts.models import Account
from accounts.models.outgoing_mail import OutgoingMail
from accounts.person import Person
from accounts.text import isolated

LONGEST_NAME = 64


class NoticeKind(MailKind):
    """A notice gets its link "This was not me" when it leaves: the row holds nothing that does something."""

    def complete(self, mail: OutgoingMail) -> dict[str, Any] | None:
        about = mail.context.get("about")  # the person who gets it, where it is about them
        return {"not_me_url": not_me.url_for(about)} if about else {}


def notify(template: str, to: str, context: Mapping[str, object], *, account: Account) -> OutgoingMail:
    """Tell `to` what has happened, by the email `templates/<template>.{subject.txt,txt,html}`.

    The notice is stored now and leaves after the commit; call it inside the transaction of the change that
    it tells of, and it exists exactly if the change does. From then on it is not lost: it is tried again
    with growing waits (`MAIL_RETRY_WAITS`), also after a crash, and may then arrive twice. `context` is plain
    words, numbers and truth values (it is stored as JSON and kept for some weeks), never a secret, a code or
    a link that opens something; `at`, `product_name` and `site_url` are added, `at` being this moment.

    Returns the email. Once the transaction is over its `has_failed` says whether it is known already that it
    cannot be sent: true only where emails leave within the request and the mail server has just refused it.
    """
    now = timezone.now()
    mail = OutgoingMail.objects.create(
        account=account, template=template, to=to, context=dict(context), created_at=now, next_try_at=now
    )
    hand_over(mail, send_notice)
    return mail


@task()
def send_notice(mail_id: int) -> None:
    deliver(mail_id, send_notice, NoticeKind())


def in_mail(person: Person) -> str:
    """Neither name nor address turns the other round."""
    return f"{isolated(plain(person.name))} ({person.email})" if person.name else person.email


def plain(name: str) -> str:
    """Return a name as emails show it: not long enough for a message, and nothing that becomes a link.

    Names are typed by people whom the reader may not know. Mail programs make links of `site.example` and of
    what has a colon; a name reads as well without.
    """
    words = re.sub(r"([.\u3002\uff0e\uff61])(?=\w)", r"\1 ", name.replace(":", " "))
    return Truncator(" ".join(words.split())).chars(LONGEST_NAME)


def words_about(operator: Person) -> dict[str, object]:
    return {"name": plain(operator.name), "email": operator.email, "account": {"name": operator.account.name}}
