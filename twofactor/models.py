"""The confirmed authenticator of a user: its row exists exactly while the user is enrolled."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.browser_names import USER_AGENT_LENGTH, browser_name
from twofactor import throttle, totp, vault


class Authenticator(models.Model):
    """A TOTP secret that the user has proved to hold."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="authenticator"
    )
    sealed_secret = models.TextField()
    confirmed_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(default=timezone.now)
    # The time step of the newest accepted code: that one and older ones are never accepted (RFC 6238, 5.2).
    last_step = models.BigIntegerField()
    failures = models.PositiveIntegerField(default=0)
    blocked_until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"authenticator of user {self.user_id}"

    def verify(self, code: str, now: datetime) -> bool:
        """Spend a code: true at most once for each code, however many requests bring it at the same time."""
        step = totp.matching_step(vault.unseal(self.sealed_secret, self.user_id), code, now.timestamp())
        if step is not None and self._spend(step, now):
            return True
        self._count_failure(now)
        return False

    def wait_seconds(self, now: datetime) -> int:
        """Return how long no code is looked at, after too many wrong ones; 0 where one may be tried."""
        return max(0, round((self.blocked_until - now).total_seconds())) if self.blocked_until else 0

    def _spend(self, step: int, now: datetime) -> bool:
        """Record a step as used, unless it or a later one was; one statement decides."""
        free = Q(blocked_until=None) | Q(blocked_until__lte=now)
        return bool(
            Authenticator.objects.filter(free, pk=self.pk, last_step__lt=step).update(
                last_step=step, last_used_at=now, failures=0, blocked_until=None
            )
        )

    def _count_failure(self, now: datetime) -> None:
        """Count a wrong code, and block further tries for a while from the tenth in a row on."""
        mine = Authenticator.objects.filter(pk=self.pk)
        mine.update(failures=F("failures") + 1)
        failures = mine.values_list("failures", flat=True).first() or 0
        if delay := throttle.delay_after(failures):
            self.blocked_until = now + timedelta(seconds=delay)
            mine.update(blocked_until=self.blocked_until)


class TrustedBrowser(models.Model):
    """A browser in which a user has given a code, and asked not to be asked again for some days."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="trusted_browsers"
    )
    token_hash = models.CharField(max_length=64, unique=True)
    # The user's session nonce then: whatever renews it ends the trust.
    nonce = models.CharField(max_length=32)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    last_used_at = models.DateTimeField()
    user_agent = models.CharField(max_length=USER_AGENT_LENGTH, blank=True)
    address = models.GenericIPAddressField(null=True)

    def __str__(self) -> str:
        return f"trusted browser of user {self.user_id}"

    @property
    def browser(self) -> str:
        """The browser and its system in words."""
        return browser_name(self.user_agent)
