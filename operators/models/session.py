"""Sessions: one row a browser."""

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts import batches
from accounts.browser_names import USER_AGENT_LENGTH, browser_name


class Session(AbstractBaseSession):
    """One browser's session, of an operator who is logged in or is still to give a code."""

    # For pages, in place of the key: that would open the session.
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="sessions"
    )
    user_agent = models.CharField(max_length=USER_AGENT_LENGTH, blank=True)
    address = models.GenericIPAddressField(null=True)
    # None while the operator still has to give a code.
    signed_in_at = models.DateTimeField(null=True)
    last_seen_at = models.DateTimeField(null=True)
    # How the operator logged in, "" where that was not noted yet; see twofactor.made_by.
    made_by = models.CharField(max_length=40, blank=True)
    # Whether a code was given in it: at login, with a proof, or to confirm an authenticator.
    code_given = models.BooleanField(default=False)
    # Wrong codes given so far, while the operator still has to give one.
    wrong_codes = models.PositiveSmallIntegerField(default=0)
    # What was last done in it, for requests sent twice: see accounts.sent_twice. No answer yet: under way.
    act = models.CharField(max_length=64, blank=True)
    act_until = models.DateTimeField(null=True)
    answer = models.TextField(blank=True)

    if TYPE_CHECKING:
        user_id: int | None

    class Meta:
        indexes = (models.Index(fields=("act",), condition=~models.Q(act=""), name="session_by_act"),)

    def __str__(self) -> str:
        # The key is as good as a password: it must not get into a log.
        return f"session {self.public_id}"

    @property
    def browser(self) -> str:
        return browser_name(self.user_agent)


def delete_ended() -> int:
    over = Q(expire_date__lte=timezone.now()) | Q(user__isnull=False, last_seen_at__lte=idle_since())
    return batches.delete(Session.objects.filter(over))


def idle_since() -> datetime:
    """A session not seen since then has ended (ASVS 5.0, 7.3.1)."""
    return timezone.now() - timedelta(minutes=settings.SESSION_IDLE_MINUTES)
