"""Which emails have to leave, and how far has each come? A row for each, from the decision to the outcome."""

from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from accounts import clock


class OutgoingMail(models.Model):
    """An email that is decided upon: what it says, to whom, and whether a mail server has taken it.

    Holds no secret: what an emailed link carries is made when the email leaves, see
    `invitations/link_mail.py`.
    """

    class Kind(models.TextChoices):
        NOTICE = "notice"
        LINK = "link"

    class State(models.TextChoices):
        WAITING = "waiting"
        SENT = "sent"
        FAILED = "failed"
        # The mail server has no such mailbox, or that one takes nothing: another try would not help.
        REFUSED = "refused"
        # A newer email has taken its place, or what it was about is over.
        DROPPED = "dropped"

    # No mail server has taken it, and none will be asked again.
    FAILURES = (State.FAILED, State.REFUSED)

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="outgoing_mails")
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.NOTICE)
    template = models.CharField(max_length=100)
    to = models.EmailField(max_length=254)
    context = models.JSONField(default=dict)
    # Who asked for it, and from where: for the audit trail, which is written when the outcome is known.
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    address = models.GenericIPAddressField(null=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    # While it waits: when the next try is due, or when the try that goes on now counts as given up.
    next_try_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (
            models.Index(fields=("state", "next_try_at"), name="outgoing_mail_due"),
            # How the newest email to an address went.
            models.Index(fields=("account", "to", "id"), name="outgoing_mail_to"),
        )

    def __str__(self) -> str:
        return f"{self.template}, {self.state}"

    @property
    def is_waiting(self) -> bool:
        return self.state == self.State.WAITING

    @property
    def is_sent(self) -> bool:
        return self.state == self.State.SENT

    @property
    def has_failed(self) -> bool:
        """The last try is over, and no mail server has taken it."""
        return self.state in self.FAILURES

    @property
    def is_refused(self) -> bool:
        """The address is at fault: only another one helps."""
        return self.state == self.State.REFUSED

    @property
    def progress(self) -> str:
        """A word that differs as soon as there is something new to tell."""
        return f"{self.state}-{self.tries}"

    @classmethod
    def claim(cls, pk: int, now: datetime) -> Self | None:
        """Take a mail that is due for one try; None where it is not, or somebody else tries it.

        One conditional UPDATE decides, so that it does no harm when a task is in the queue twice. Whoever
        is killed in the middle of a try holds the mail only for as long as a try can take.
        """
        due = cls.objects.filter(cls.is_due(now), pk=pk, state=cls.State.WAITING)
        if not due.update(tries=F("tries") + 1, next_try_at=now + longest_try()):
            return None
        return cls.objects.select_related("account", "asked_by").get(pk=pk)

    @classmethod
    def is_due(cls, now: datetime, late: timedelta = timedelta(0)) -> Q:
        """Also true of a try that was put off before the server's clock was set back."""
        longest = max([settings.MAIL_TRY_SECONDS, *settings.MAIL_RETRY_WAITS])
        ahead = now + clock.SKEW_DELTA + timedelta(seconds=longest)
        return Q(next_try_at__lte=now - late) | Q(next_try_at__gt=ahead)

    def settle(self, state: str, now: datetime) -> bool:
        """Return false where another try has taken over meanwhile."""
        self.state, self.sent_at = state, now if state == self.State.SENT else None
        return bool(self._mine().update(state=self.state, sent_at=self.sent_at))

    def put_off(self, until: datetime) -> bool:
        """Return false where another try has taken over meanwhile."""
        self.next_try_at = until
        return bool(self._mine().update(next_try_at=until))

    def _mine(self) -> models.QuerySet["OutgoingMail"]:
        return OutgoingMail.objects.filter(pk=self.pk, state=self.State.WAITING, tries=self.tries)


def longest_try() -> timedelta:
    """After that time, whoever made the try counts as dead."""
    return timedelta(seconds=settings.MAIL_TRY_SECONDS)
