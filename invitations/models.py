"""Emailed links: one row for each person and purpose, so that a newer link always kills the older.

A token is stored nowhere, so it cannot wait in a queue: it is made when its email leaves, not when the link
is requested. Until then the row is only reserved (`reserve`), and opens nothing; `issue_for` checks that
the email still belongs to it. The limits count requests.
"""

import hashlib
import math
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import models, transaction
from django.db.models import Case, Exists, F, OuterRef, Q, Value, When
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts import clock
from accounts.models import TEXT_LENGTH
from accounts.models.outgoing_mail import OutgoingMail
from accounts.person import Person
from invitations.ledger import LinkRecord

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
MAILS_PER_HOUR = 5


class TooSoonError(Exception):
    """No other email for `wait` seconds."""

    def __init__(self, wait: int) -> None:
        super().__init__()
        self.wait = wait


class Link(models.Model):
    """A person's newest link of a purpose; of its token only the SHA-256 is stored."""

    class Purpose(models.TextChoices):
        SETUP = "setup"
        INVITATION = "invitation"
        PASSWORD_RESET = "password_reset"  # noqa: S105
        EMAIL = "email"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="links")
    purpose = models.CharField(max_length=20, choices=Purpose.choices)
    token_hash = models.CharField(max_length=64, unique=True)
    # The mailbox it was made for, and the user's session nonce then: a change of either kills it.
    email = models.EmailField(max_length=TEXT_LENGTH)
    nonce = models.CharField(max_length=32)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    spent_at = models.DateTimeField(null=True)
    # The email that brings it; None if it was copied.
    mail = models.OneToOneField(OutgoingMail, null=True, on_delete=models.SET_NULL, related_name="link")
    # When the last email was requested (None: it could not be sent), and how many within this hour.
    sent_at = models.DateTimeField(null=True)
    hour_started_at = models.DateTimeField()
    sent_in_hour = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("user", "purpose"), name="one_link_per_purpose"),)

    def __str__(self) -> str:
        return f"{self.purpose} link of user {self.user_id}"

    @classmethod
    def issue(cls, user: Person, purpose: Purpose, email: str, by: str = "") -> str:
        """To pass on by hand; `by` is a name, for the ledger."""
        now = timezone.now()
        token = secrets.token_urlsafe(32)
        row = cls._row(user, purpose, now)
        values = _fresh(user, purpose, email, now)
        with transaction.atomic():
            cls.objects.filter(pk=row.pk).update(**values, token_hash=hash_of(token), mail=None)
            LinkRecord.begin(user, purpose, now, values["expires_at"], by=by, token_hash=hash_of(token))
        return token

    @classmethod
    def reserve(cls, user: Person, purpose: Purpose, mail: OutgoingMail, by: str) -> None:
        """Kill the older link and reserve the row for the one that this email will bring.

        Raises TooSoonError beyond one a minute or five an hour: one conditional UPDATE decides, however many
        requests come at once.
        """
        now = timezone.now()
        row = cls._row(user, purpose, now)
        # Times ahead were stored before the server's clock was set back: nobody has to wait for those.
        ahead = now + clock.SKEW_DELTA
        new_hour = Q(hour_started_at__lte=now - HOUR) | Q(hour_started_at__gt=ahead)
        minute_over = Q(sent_at=None) | Q(sent_at__lte=now - MINUTE) | Q(sent_at__gt=ahead)
        # A new nonce (after a reset, a new password) has killed all links, and starts a new count: nobody
        # waits an hour without any link. Only the person or an administrator can renew it.
        new_hour |= ~Q(nonce=user.session_nonce)
        minute_over |= ~Q(nonce=user.session_nonce)
        free_row = cls.objects.filter(minute_over, new_hour | Q(sent_in_hour__lt=MAILS_PER_HOUR), pk=row.pk)
        values = _fresh(user, purpose, mail.to, now) | {
            "token_hash": _hash_of_nothing(),
            "mail": mail,
            "sent_at": now,
            "hour_started_at": Case(When(new_hour, then=Value(now)), default=F("hour_started_at")),
            "sent_in_hour": Case(When(new_hour, then=Value(1)), default=F("sent_in_hour") + 1),
        }
        if not free_row.update(**values):
            row.refresh_from_db()
            raise TooSoonError(row.wait_seconds(now))
        LinkRecord.begin(user, purpose, now, values["expires_at"], by=by, mail=mail)

    @classmethod
    def issue_for(cls, mail: OutgoingMail) -> "tuple[Link, str] | None":
        """Give the email's link a new token; its life begins now, however long the email has waited.

        None if the link was replaced, withdrawn or used, or the person's nonce has changed. A second attempt
        at the same email replaces the token of the first.
        """
        now = timezone.now()
        link = cls.objects.select_related("user__account").filter(mail=mail).first()
        if link is None or not constant_time_compare(link.nonce, link.user.session_nonce):
            return None
        token = secrets.token_urlsafe(32)
        unspent = cls.objects.filter(pk=link.pk, mail=mail, spent_at=None)
        expires_at = now + lifetime(cls.Purpose(link.purpose))
        if not unspent.update(token_hash=hash_of(token), expires_at=expires_at):
            return None
        LinkRecord.note_token(mail, hash_of(token), expires_at)
        return link, token

    @classmethod
    def mail_failed(cls, mail: OutgoingMail) -> None:
        """An email that was not sent doesn't count in the limits."""
        cls.objects.filter(mail=mail).update(sent_at=None, sent_in_hour=F("sent_in_hour") - 1)

    @classmethod
    def _row(cls, user: Person, purpose: Purpose, now: datetime) -> "Link":
        return cls.objects.get_or_create(user_id=user.pk, purpose=purpose, defaults=_blank(now))[0]

    @classmethod
    def kill(cls, user: Person, *purposes: Purpose, end: str = LinkRecord.End.WITHDRAWN) -> bool:
        now = timezone.now()
        with transaction.atomic(savepoint=False):
            unspent = cls.objects.filter(user=user.pk, purpose__in=purposes, spent_at=None)
            killed = unspent.update(spent_at=now)
            for purpose in purposes:
                LinkRecord.close(user.pk, purpose, end, now)
        return bool(killed)

    @classmethod
    def hold(cls, user: Person) -> None:
        """Lock the user's links; call it before locking the user's row, or the two could deadlock.

        Spending a link writes its row first, and the user's next.
        """
        list(cls.objects.select_for_update(no_key=True).filter(user=user.pk).order_by("pk").values_list("pk"))

    @classmethod
    def find(cls, token_hash: str, purpose: Purpose, now: datetime) -> "Link | None":
        """Return None for expired, used, replaced and unknown links alike."""
        links = cls.objects.select_related("user__account", "user__authenticator")
        # A link that lives longer than links do was made while the clock was fast.
        latest_expiry = now + clock.SKEW_DELTA + lifetime(purpose)
        live = links.filter(purpose=purpose, spent_at=None, expires_at__gt=now, expires_at__lte=latest_expiry)
        link = live.filter(token_hash=token_hash).first()
        return link if link and constant_time_compare(link.nonce, link.user.session_nonce) else None

    @classmethod
    def note_opened(cls, token: str, purpose: Purpose) -> None:
        now = timezone.now()
        live = cls.objects.filter(
            token_hash=hash_of(token), purpose=purpose, spent_at=None, expires_at__gt=now
        )
        LinkRecord.note_opened(live, purpose, now)

    def is_live(self, user: Person, now: datetime) -> bool:
        """Also true of a link whose email has yet to leave."""
        is_same_nonce = constant_time_compare(self.nonce, user.session_nonce)
        return is_same_nonce and self.spent_at is None and self.expires_at > now

    def spend(self, now: datetime) -> bool:
        """Use up the link; true for one caller only, and only while the person still has the link's nonce.

        PostgreSQL does not evaluate a subquery again after waiting, so a nonce renewed at this moment must be
        caught by the caller's own write to the person's row, in the same transaction.
        """
        person = get_user_model().objects.filter(pk=OuterRef("user"), session_nonce=OuterRef("nonce"))
        live = Link.objects.filter(
            Exists(person), pk=self.pk, token_hash=self.token_hash, spent_at=None, expires_at__gt=now
        )
        with transaction.atomic(savepoint=False):
            spent = bool(live.update(spent_at=now))
            if spent:
                LinkRecord.close(self.user_id, self.purpose, LinkRecord.End.USED, now)
        return spent

    def wait_seconds(self, now: datetime) -> int:
        """0 if another email may go out."""
        free_at, ahead = now, now + clock.SKEW_DELTA
        if self.sent_at and self.sent_at <= ahead:
            free_at = max(free_at, min(self.sent_at, now) + MINUTE)
        if self.sent_in_hour >= MAILS_PER_HOUR and self.hour_started_at <= ahead:
            free_at = max(free_at, min(self.hour_started_at, now) + HOUR)
        return math.ceil((free_at - now).total_seconds())


def hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def lifetime(purpose: Link.Purpose) -> timedelta:
    return {
        Link.Purpose.SETUP: HOUR,
        Link.Purpose.INVITATION: timedelta(days=21),
        Link.Purpose.PASSWORD_RESET: timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT),
        Link.Purpose.EMAIL: timedelta(days=1),
    }[purpose]


def _fresh(user: Person, purpose: Link.Purpose, email: str, now: datetime) -> dict[str, Any]:
    return {
        "email": email,
        "nonce": user.session_nonce,
        "created_at": now,
        "expires_at": now + lifetime(purpose),
        "spent_at": None,
    }


def _blank(now: datetime) -> dict[str, Any]:
    """It opens nothing, until the first link takes the row."""
    return {
        "token_hash": _hash_of_nothing(),
        "created_at": now,
        "expires_at": now,
        "spent_at": now,
        "hour_started_at": now,
    }


def _hash_of_nothing() -> str:
    return hash_of(secrets.token_urlsafe(32))
