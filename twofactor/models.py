"""What is stored about codes: on the user's row the count of tries, in a row of its own the authenticator."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.utils import timezone

from accounts import clock
from accounts.browser_names import USER_AGENT_LENGTH, browser_name
from twofactor import recovery, throttle, totp, vault

if TYPE_CHECKING:
    from typing import Self


class TwoFactorUser(models.Model):
    """Part of the user model: how many codes were tried, and which was the last right one.

    It stands on the user's row because it outlives authenticators: a reset and a new enrollment
    must not hand out fresh guesses, and every right code renews the row anyway.
    """

    code_failures = models.PositiveIntegerField(default=0, editable=False)
    codes_blocked_until = models.DateTimeField(null=True, editable=False)
    # Whether the user has heard of the wrong codes of this row: an email for each row, not for each code.
    guessing_told = models.BooleanField(default=False, editable=False)
    # The time step of the newest accepted code: that one and older ones are never accepted (RFC 6238, 5.2).
    last_code_step = models.BigIntegerField(default=0, editable=False)
    last_code_at = models.DateTimeField(null=True, editable=False)
    # Another number ends all trusted browsers, as the nonce does, but nothing else.
    trust_epoch = models.PositiveIntegerField(default=0, editable=False)

    # What being right leaves behind; a recovery code has no time step, and must not write an old one back.
    RECOVERY_FIELDS = ("code_failures", "codes_blocked_until", "guessing_told")
    CODE_FIELDS = (*RECOVERY_FIELDS, "last_code_at", "last_code_step")

    if TYPE_CHECKING:
        authenticator: "Authenticator"
        session_nonce: str

    class Meta:
        abstract = True

    @property
    def is_enrolled(self) -> bool:
        """Whether there is a confirmed authenticator; it may be dormant."""
        return hasattr(self, "authenticator")

    @property
    def is_locked(self) -> bool:
        """Whether no code is looked at any more until a reset."""
        return self.is_enrolled and self.code_failures >= throttle.FAILURES_THAT_LOCK

    @property
    def code_used_at(self) -> datetime | None:
        """When the app last made a code that was right, after the one that set it up; None: never since."""
        at = self.last_code_at
        return at if at and at > self.authenticator.confirmed_at else None

    def code_wait(self, now: datetime) -> int:
        """Return how many seconds no code is looked at; 0 where one may be tried.

        Never more than the delay itself: one that seems to take longer was begun before the server's clock
        was set back, and is over.
        """
        if self.codes_blocked_until is None:
            return 0
        left = -int(-(self.codes_blocked_until - now).total_seconds() // 1)
        longest = throttle.delay_after(self.code_failures) or throttle.LONGEST_DELAY
        return 0 if left > longest + clock.SKEW else max(0, min(left, longest))

    def seconds_ahead(self, now: datetime) -> int:
        """Return for how long no code from the app counts, as one of a later time was accepted; mostly 0.

        That happens where the server's clock was fast and is set back. To forget that code would be easier
        for its owner, but whoever has seen it then could use it when its time comes: a code must not be
        accepted twice (RFC 6238, 5.2). A recovery code or a new authenticator does not have to wait.
        """
        if self.last_code_step <= totp.step_at(now.timestamp()) + totp.WINDOW:
            return 0
        return int((self.last_code_step + 1) * totp.STEP_SECONDS - now.timestamp())

    def admit_code(self, now: datetime) -> bool:
        """Count a try as a wrong one; return whether it may be looked at, or was wrong indeed.

        One statement decides, in a transaction of its own: neither many requests at once nor one that
        fails later are tried for free. Only a right code takes the count back.
        """
        counted = self._row().filter(self._free(now))
        return bool(
            counted.update(code_failures=F("code_failures") + 1, codes_blocked_until=_blocked_until(now))
        )

    def accept_step(self, step: int, now: datetime) -> bool:
        """Spend the code of a time step: true at most once, and never for a step older than a spent one.

        A right code and a wrong one each take one statement on this row, and each asks whether a code may be
        tried at all: of many at once the right one counts for no more than its place in their order.
        """
        # The nonce is part of the condition: a reset or a new phone in between makes the code worthless. All
        # of it stands in the one row: a condition on another table becomes a subquery, which PostgreSQL does
        # not look at again when it has waited for that row, so that each of two at once would spend the code.
        row = self._row().filter(self._free(now), session_nonce=self.session_nonce, last_code_step__lt=step)  # type: ignore[misc]  # the user model has it
        cleared = {"code_failures": 0, "codes_blocked_until": None, "guessing_told": False}
        return bool(row.update(**cleared, last_code_step=step, last_code_at=now))

    def has_spent(self, step: int, now: datetime) -> bool:
        """Whether this is the step that was accepted last, and a code may be tried now."""
        row = self._row().filter(self._free(now), session_nonce=self.session_nonce, last_code_step=step)  # type: ignore[misc]
        return row.exists()

    def _free(self, now: datetime) -> Q:
        """Return whether a code may be tried now."""
        free = Q(codes_blocked_until=None) | Q(codes_blocked_until__lte=now)
        free |= Q(codes_blocked_until__gt=_latest_end(now))
        return free & Q(code_failures__lt=throttle.FAILURES_THAT_LOCK) if self.is_enrolled else free

    def accept_recovery_code(self) -> bool:
        """Take the count back after a right recovery code; false where what it was typed into was ended.

        Whoever uses one has not got the phone: no browser is trusted in place of it any longer.
        """
        self.clear_failures()
        cleared = {field: getattr(self, field) for field in self.RECOVERY_FIELDS}
        row = self._row().filter(session_nonce=self.session_nonce)  # type: ignore[misc]  # the user model has it
        return self._end_trust(row, **cleared)

    def end_trust(self) -> None:
        """Trust none of the user's browsers, nor one that is about to be trusted."""
        self._end_trust(self._row())

    def _end_trust(self, row: "models.QuerySet[Self]", **values: object) -> bool:
        """Do that, and store the values, if the row is there."""
        ended = row.update(trust_epoch=F("trust_epoch") + 1, **values)
        # What is trusted in this request is so afterwards; where others have ended trust too, it is not.
        self.trust_epoch += ended
        return bool(ended)

    def claim_guessing_notice(self) -> bool:
        """Whether it is time to tell the user that somebody tries codes: true once for each row of them."""
        row = self._row().filter(code_failures__gt=throttle.FREE_FAILURES, guessing_told=False)
        return bool(row.update(guessing_told=True))

    def claim_lock(self) -> bool:
        """Whether it is time to tell that the authenticator is locked: true once for each lock.

        A lock has no end, so that it needs none of the waits: the first to take the last one away tells.
        """
        locked = self._row().filter(
            code_failures__gte=throttle.FAILURES_THAT_LOCK, codes_blocked_until__isnull=False
        )
        return bool(locked.update(codes_blocked_until=None))

    def clear_failures(self) -> None:
        """Set what being right leaves behind, for the caller to save (RECOVERY_FIELDS)."""
        self.code_failures, self.codes_blocked_until, self.guessing_told = 0, None, False

    def take_first_step(self, step: int, now: datetime) -> None:
        """Set what the first code of an authenticator leaves behind, for the caller to save (CODE_FIELDS)."""
        self.clear_failures()
        self.last_code_step, self.last_code_at = step, now

    def _row(self) -> "models.QuerySet[Self]":
        """Return the stored row."""
        return type(self)._default_manager.filter(pk=self.pk)  # noqa: SLF001  Django's own way


def _blocked_until(now: datetime) -> Case:
    """Return until when a user is blocked who has failed once more than the row says."""
    steps = [
        When(code_failures__lt=failures - 1, then=Value(_after(now, failures - 1)))
        for failures in throttle.failures_with_a_delay()
    ]
    longest = now + timedelta(seconds=throttle.LONGEST_DELAY)
    return Case(*steps, default=Value(longest), output_field=models.DateTimeField(null=True))


def _latest_end(now: datetime) -> Case:
    """Return the moment beyond which no delay can end that was begun by this clock; see code_wait."""
    latest = now + timedelta(seconds=clock.SKEW)
    delays = {failures: throttle.delay_after(failures) for failures in throttle.failures_with_a_delay()}
    steps = [
        When(code_failures=failures, then=Value(latest + timedelta(seconds=delay)))
        for failures, delay in delays.items()
    ]
    longest = latest + timedelta(seconds=throttle.LONGEST_DELAY)
    return Case(*steps, default=Value(longest), output_field=models.DateTimeField())


def _after(now: datetime, failures: int) -> datetime | None:
    """Return when the delay after so many failures is over; None where there is none."""
    delay = throttle.delay_after(failures)
    return now + timedelta(seconds=delay) if delay else None


class Authenticator(models.Model):
    """A TOTP secret that the user has proved to hold: its row exists exactly while the user is enrolled."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="authenticator"
    )
    sealed_secret = models.TextField()
    confirmed_at = models.DateTimeField(default=timezone.now)
    # Keyed hashes of the recovery codes that are left, separated by spaces; see twofactor.recovery.
    recovery_hashes = models.TextField(blank=True)
    # When the user ticked that the codes are saved; None: they are reminded at the next sign-in.
    recovery_saved_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (
            # Who has none left, of whom there are few.
            models.Index(fields=("user",), condition=Q(recovery_hashes=""), name="no_recovery_codes_left"),
        )

    def __str__(self) -> str:
        return f"authenticator of user {self.user_id}"

    @property
    def secret(self) -> str:
        """The secret itself; raises vault.SecretUnreadableError."""
        return vault.unseal(self.sealed_secret, self.user_id, vault.Purpose.SECRET)

    @property
    def recovery_codes_left(self) -> int:
        """How many recovery codes still work."""
        return len(self.recovery_hashes.split())

    def step_of(self, code: str, now: datetime) -> int | None:
        """Return the time step whose code this is; None for a wrong one."""
        return totp.matching_step(self.secret, code, now.timestamp())

    def spend_recovery_code(self, code: str) -> bool:
        """Use a recovery code up: true once for each, however many requests bring it at the same time."""
        left = recovery.without(self.recovery_hashes, self.secret, code)
        while left is not None:
            # The hashes as they were read are the condition: of two that spend at once, one reads again.
            row = Authenticator.objects.filter(pk=self.pk, recovery_hashes=self.recovery_hashes)
            if row.update(recovery_hashes=left):
                self.recovery_hashes = left
                return True
            fresh = Authenticator.objects.filter(pk=self.pk).values_list("recovery_hashes", flat=True).first()
            self.recovery_hashes = fresh or ""
            left = recovery.without(self.recovery_hashes, self.secret, code)
        return False


class KeyCheck(models.Model):
    """One row, sealed with the installation's key: what does not open it must not seal anything either."""

    sealed = models.TextField()

    def __str__(self) -> str:
        return "check of the keys"


class TrustedBrowser(models.Model):
    """A browser in which a user has given a code, and asked not to be asked again for some days."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="trusted_browsers"
    )
    token_hash = models.CharField(max_length=64, unique=True)
    # The user's session nonce then: whatever renews it ends the trust.
    nonce = models.CharField(max_length=32)
    # The user's `trust_epoch` then: the same.
    epoch = models.PositiveIntegerField(default=0)
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
