"""How do emails leave? After the commit, through a queue, tried again with growing waits, and never lost.

- Each email is a row (`OutgoingMail`), written in the transaction of the change that it is about: a change
  that is undone takes its email along, and one that is kept never loses it.
- After the commit a task with nothing but the row's id goes to django-tasks. Its database backend runs
  tasks in `manage.py worker`; its immediate backend (tests) runs them at once, within the request, and
  cannot put off: there one try decides.
- django-tasks tries nothing again, and leaves a task whose worker was killed "running" for ever. So the row
  says when its next try is due, a try is claimed by one conditional UPDATE, and `requeue` puts back into
  the queue whatever is overdue. An email may so leave twice (killed between the mail server's answer and
  the note of it), never not at all.
"""

import logging
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from smtplib import SMTPException, SMTPRecipientsRefused
from typing import Any, TypeAlias

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone
from django_tasks.base import Task, TaskResultStatus
from django_tasks_db.models import DBTaskResult

from accounts import rounds
from accounts.models.outgoing_mail import OutgoingMail, longest_try

logger = logging.getLogger(__name__)

MailTask: TypeAlias = Task[[int], None]
# People look after an invitation for 21 days; afterwards nothing asks for these rows.
KEPT = timedelta(days=30)
# What mail servers answer where there is no such mailbox (RFC 5321, RFC 7504), if they say no more about it.
NO_MAILBOX = (550, 551, 553, 556)
_ENHANCED = re.compile(rb"\s*5\.(1\.|2\.1|\d)")
# So many workers may die while they try an email before it counts as the reason.
DEATHS_FORGIVEN = 5


class MailKind(ABC):
    """What is special about some emails: what they lack until they leave, and what their outcome leads to."""

    @abstractmethod
    def complete(self, mail: OutgoingMail) -> dict[str, Any] | None:
        """Return what the row does not hold; None where the email is not wanted any more."""

    def settled(self, mail: OutgoingMail) -> None:  # noqa: B027  most kinds have nothing to note
        """Called in the transaction that stores the outcome."""


@dataclass(frozen=True, slots=True)
class RenderedEmail:
    to: str
    subject: str
    text: str
    html: str


def rendered(template: str, to: str, context: Mapping[str, object]) -> RenderedEmail:
    """The templates are `templates/<template>.{subject.txt,txt,html}`."""
    context = {"product_name": settings.PRODUCT_NAME, "site_url": settings.SITE_URL, **context}
    subject = " ".join(render_to_string(f"{template}.subject.txt", context).split())
    text, html = (render_to_string(f"{template}.{kind}", context) for kind in ("txt", "html"))
    return RenderedEmail(to, subject, text.strip() + "\n", html)


def send(mail: OutgoingMail, context: Mapping[str, object]) -> OutgoingMail.State:
    """Send a stored email, with all that its template needs, now.

    Returns whether the mail server took it, or refused the address. Never call it inside a transaction: a
    mail server may take seconds to answer, and nobody else could write meanwhile.
    """
    email = rendered(mail.template, mail.to, context)
    message = EmailMultiAlternatives(email.subject, email.text, to=[email.to])
    message.attach_alternative(email.html, "text/html")
    try:
        message.send()
    except SMTPRecipientsRefused as error:
        logger.warning("The mail server refused the recipient of email %d, %s", mail.pk, mail.template)
        return _refusal(error)
    except (SMTPException, OSError, ValueError) as error:  # ValueError: what no header can hold
        # Number and template name the email. What the error says, and its traceback, stay out of the log:
        # mail servers and libraries quote the address in it, or the content.
        logger.error("Could not send email %d, %s: %s", mail.pk, mail.template, _kind_of(error))  # noqa: TRY400
        return OutgoingMail.State.FAILED
    return OutgoingMail.State.SENT


def _kind_of(error: Exception) -> str:
    number = getattr(error, "smtp_code", None) or getattr(error, "errno", None)
    return f"{type(error).__name__} {number}" if number else type(error).__name__


def _refusal(error: SMTPRecipientsRefused) -> OutgoingMail.State:
    """Where the server is at fault, it may have changed its mind by the next try."""
    answers = [(code, _ENHANCED.match(text)) for code, text in error.recipients.values()]
    # RFC 3463: 5.1.x is a wrong address, 5.2.1 a mailbox that takes nothing; 5.7.x is a rule, maybe about us.
    for_good = [status[1] in (b"1.", b"2.1") if status else code in NO_MAILBOX for code, status in answers]
    return OutgoingMail.State.REFUSED if all(for_good) else OutgoingMail.State.FAILED


def hand_over(mail: OutgoingMail, task: MailTask) -> None:
    """Where the queue cannot be reached, the error is logged and the person goes on: the row is there."""

    def after_commit() -> None:
        if task.enqueue(mail.pk).is_finished:  # nobody else has it: it was tried within this request
            mail.refresh_from_db(fields=["state", "sent_at", "tries", "next_try_at"])

    transaction.on_commit(after_commit, robust=True)


def deliver(mail_id: int, task: MailTask, kind: MailKind) -> None:
    """Leave another try to `task` where this one fails; do nothing where none is due."""
    mail = OutgoingMail.claim(mail_id, timezone.now())
    if mail is None:
        return
    waits = settings.MAIL_RETRY_WAITS if task.get_backend().supports_defer else []
    if attempt(mail, kind, last=mail.tries > len(waits)) != OutgoingMail.State.WAITING:
        return
    until = timezone.now() + timedelta(seconds=waits[mail.tries - 1])
    if mail.put_off(until):
        task.using(run_after=until).enqueue(mail.pk)


def attempt(mail: OutgoingMail, kind: MailKind, *, last: bool) -> OutgoingMail.State:
    """Return WAITING where another try has to follow."""
    state = _try(mail, kind)
    if state == OutgoingMail.State.FAILED and not last:
        return OutgoingMail.State.WAITING
    with transaction.atomic():
        if mail.settle(state, timezone.now()):
            kind.settled(mail)
    return state


def _try(mail: OutgoingMail, kind: MailKind) -> OutgoingMail.State:
    # Claimed far more often than it was to be tried: whoever tries it seems to die of it.
    if mail.tries > len(settings.MAIL_RETRY_WAITS) + 1 + DEATHS_FORGIVEN:
        return OutgoingMail.State.FAILED
    words = kind.complete(mail)
    if words is None:
        return OutgoingMail.State.DROPPED
    return send(mail, {"at": mail.created_at, **mail.context, **words})


def requeue(tasks: Mapping[str, MailTask]) -> int:
    """Put every email back into the queue whose try is overdue; return how many.

    Their task is lost: its worker was killed, or the process that should have queued it. Where it is only
    late, because the queue is long, the second task finds nothing to do.
    """
    now = timezone.now()
    overdue = OutgoingMail.objects.filter(
        OutgoingMail.is_due(now, late=longest_try()), state=OutgoingMail.State.WAITING
    )
    number = 0
    for mail in rounds.take_back(overdue.only("kind"), next_try_at=now):
        tasks[mail.kind].enqueue(mail.pk)
        number += 1
    return number


def forget_old() -> None:
    """Rows of emails hold names and addresses."""
    long_ago = timezone.now() - KEPT
    old = OutgoingMail.objects.filter(created_at__lte=long_ago)
    old.exclude(state=OutgoingMail.State.WAITING).delete()
    DBTaskResult.objects.filter(enqueued_at__lte=long_ago).exclude(status=TaskResultStatus.READY).delete()


def waiting_since(account_id: int) -> datetime | None:
    """None where every email that waits is being tried."""
    overdue = OutgoingMail.objects.filter(
        account=account_id,
        state=OutgoingMail.State.WAITING,
        next_try_at__lte=timezone.now() - timedelta(minutes=5),
    )
    return overdue.order_by("next_try_at").values_list("next_try_at", flat=True).first()
