"""Records what became of every emailed link; `Link` knows the newest only.

Written in the transactions that change a link. Nothing in it opens anything: the token's hash is kept only to
explain a link that has ended. Names are copied, as in the audit trail, so that a row outlives its people.
Rows are deleted after KEPT.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import TEXT_LENGTH, Account, Action, AuditEntry
from accounts.models.outgoing_mail import OutgoingMail
from accounts.person import Person
from accounts.search_keys import SearchKey

KEPT = timedelta(days=400)
# Everything that renews a nonce, or deletes the person, leaves one of these in the audit trail.
RENEWING = (
    Action.TWO_FACTOR_ENROLLED,
    Action.PHONE_CHANGED,
    Action.TWO_FACTOR_RESET,
    Action.RECOVERY_CODES_RENEWED,
    Action.PASSWORD_CHANGED,
    Action.PASSWORD_RESET,
    Action.EMAIL_CHANGED,
    Action.SIGN_IN_METHOD,
    Action.DEACTIVATED,
    Action.ACTIVATED,
    Action.FROZEN,
    Action.ALL_SESSIONS_ENDED,
    Action.DELETED,
)


class LinkRecord(models.Model):
    class Kind(models.TextChoices):
        SETUP = "setup", _("Setup link")
        INVITATION = "invitation", _("Invitation")
        PASSWORD_RESET = "password_reset", _("New password")
        EMAIL = "email", _("New email address")

    class End(models.TextChoices):
        """Why it no longer works; an end by time or by a new nonce is computed, not stored."""

        USED = "used"
        REPLACED = "replaced"
        WITHDRAWN = "withdrawn"
        CHANGED = "changed"

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="link_records")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    # Not a foreign key: the row outlives the person.
    person_id = models.BigIntegerField()
    person_name = models.CharField(max_length=2 * TEXT_LENGTH + 3)
    asked_by = models.CharField(max_length=2 * TEXT_LENGTH + 3, blank=True)
    people_key = SearchKey(of=("person_name", "asked_by"))
    # The person's session nonce then: once they have another, the link is dead.
    nonce = models.CharField(max_length=32)
    # Of the last token sent; "" until there is one.
    token_hash = models.CharField(max_length=64, blank=True)
    mail = models.ForeignKey(OutgoingMail, null=True, on_delete=models.SET_NULL, related_name="+")
    asked_at = models.DateTimeField(db_index=True)
    expires_at = models.DateTimeField()
    copied_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    end = models.CharField(max_length=10, choices=End.choices, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("person_id", "kind"), condition=Q(ended_at=None), name="one_open_link_record"
            ),
        )
        indexes = (
            models.Index(fields=("account", "-id"), name="link_record_account"),
            models.Index(fields=("token_hash",), name="link_record_token"),
        )

    def __str__(self) -> str:
        return f"{self.kind} for {self.person_name}"

    @classmethod
    def begin(  # noqa: PLR0913  what a link begins with
        cls,
        user: Person,
        kind: str,
        now: datetime,
        expires_at: datetime,
        *,
        by: str,
        mail: OutgoingMail | None = None,
        token_hash: str = "",
    ) -> None:
        cls.close(user.pk, kind, cls.End.REPLACED, now)
        cls.objects.create(
            account_id=user.account_id,
            kind=kind,
            person_id=user.pk,
            person_name=str(user),
            asked_by=by,
            nonce=user.session_nonce,
            token_hash=token_hash,
            mail=mail,
            asked_at=now,
            copied_at=None if mail else now,
            expires_at=expires_at,
        )

    @classmethod
    def close(cls, person_id: int, kind: str, end: str, now: datetime) -> None:
        cls.objects.filter(person_id=person_id, kind=kind, ended_at=None).update(end=end, ended_at=now)

    @classmethod
    def note_token(cls, mail: OutgoingMail, token_hash: str, expires_at: datetime) -> None:
        """A link's life begins when its email leaves."""
        cls.objects.filter(mail=mail).update(token_hash=token_hash, expires_at=expires_at)

    @classmethod
    def note_outcome(cls, mail: OutgoingMail) -> None:
        """A link whose email was dropped will never work."""
        records, now = cls.objects.filter(mail=mail), timezone.now()
        if mail.is_sent:
            records.update(sent_at=mail.sent_at)
        elif mail.has_failed:
            records.update(failed_at=now)
        else:
            records.filter(ended_at=None).update(end=cls.End.CHANGED, ended_at=now)

    @classmethod
    def note_opened(cls, links: "models.QuerySet[models.Model]", kind: str, now: datetime) -> None:
        """Record only the first time: it may be a mail scanner."""
        records = cls.objects.filter(person_id__in=links.values("user"), kind=kind)
        records.filter(ended_at=None, opened_at=None).update(opened_at=now)


# What administrators see: links that people request for themselves are private.
LISTED = (LinkRecord.Kind.SETUP, LinkRecord.Kind.INVITATION)


def changes_since(asked_at: Any, account: Any, person: Any) -> QuerySet[AuditEntry]:
    """What has renewed the person's nonce since then, oldest first; takes values or outer references."""
    about = AuditEntry.objects.filter(account=account, subject_id=person)
    return about.filter(action__in=RENEWING, at__gte=asked_at).order_by("pk")


def forget_old() -> None:
    LinkRecord.objects.filter(asked_at__lte=timezone.now() - KEPT).delete()
