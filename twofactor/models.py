"""What is stored about codes: on the user's row the count of tries, in a row of its own the authenticator."""

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import Case, Expression, F, Q, Value, When
from django.utils import timezone

from accounts import clock
from accounts.browser_names import USER_AGENT_LENGTH, browser_name
from accounts.compiled import CompiledQuery, CompiledUpdate, Parameter
from twofactor import code_limits, recovery, totp, vault

if TYPE_CHECKING:
    from typing import Self

    from accounts.person import Person
else:
    Person = object  # at run time a protocol's metaclass and a model's do not go together


class TwoFactorUser(models.Model, Person):
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

    class Meta:
        abstract = True

    @property
    def is_enrolled(self) -> bool:
        """The authenticator may be dormant."""
        return hasattr(self, "authenticator")

    @property
    def is_locked(self) -> bool:
        return self.is_enrolled and self.code_failures >= code_limits.FAILURES_THAT_LOCK

    @property
    def code_used_at(self) -> datetime | None:
        """The code of the set-up does not count; None: none was right since."""
        at = self.last_code_at
        return at if at and at > self.authenticator.confirmed_at else None

    def code_wait(self, now: datetime) -> int:
        """Return how many seconds no code is looked at; 0 where one may be tried.

        Never more than the delay itself: one that seems to take longer was begun before the server's clock
        was set back, and is over.
        """
        if self.codes_blocked_until is None:
            return 0
        left = math.ceil((self.codes_blocked_until - now).total_seconds())
        longest = code_limits.delay_after(self.code_failures) or code_limits.LONGEST_DELAY
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
        return bool(_COUNT_WRONG.execute(user=self.pk, now=now, lock=self._lock))

    def accept_step(self, step: int, now: datetime) -> bool:
        """Spend the code of a time step: true at most once, and never for a step older than a spent one.

        A right code and a wrong one each take one statement on this row, and each asks whether a code may be
        tried at all: of many at once the right one counts for no more than its place in their order.
        """
        spent = {"step": step, "nonce": self.session_nonce}
        return bool(_SPEND_STEP.execute(user=self.pk, now=now, lock=self._lock, **spent))

    def has_spent(self, step: int, now: datetime) -> bool:
        spent = {"step": step, "nonce": self.session_nonce}
        return bool(_SPENT.rows(user=self.pk, now=now, lock=self._lock, **spent))

    @property
    def _lock(self) -> int:
        """Without an authenticator there is nothing to lock."""
        return code_limits.FAILURES_THAT_LOCK if self.is_enrolled else code_limits.NEVER

    def accept_recovery_code(self) -> bool:
        """Take the count back after a right recovery code; false where what it was typed into was ended.

        Whoever uses one has not got the phone: no browser is trusted in place of it any longer.
        """
        self.clear_failures()
        cleared = {field: getattr(self, field) for field in self.RECOVERY_FIELDS}
        row = self._row().filter(session_nonce=self.session_nonce)  # type: ignore[misc]  # the user model has it
        return self._end_trust(row, **cleared)

    def end_trust(self) -> None:
        """Also ends the trust in a browser that is about to be trusted."""
        self._end_trust(self._row())

    def _end_trust(self, row: "models.QuerySet[Self]", **values: object) -> bool:
        ended = row.update(trust_epoch=F("trust_epoch") + 1, **values)
        # What is trusted in this request is so afterwards; where others have ended trust too, it is not.
        self.trust_epoch += ended
        return bool(ended)

    def claim_wrong_codes_notice(self) -> bool:
        """Return true once for each row of wrong codes."""
        row = self._row().filter(code_failures__gt=code_limits.FREE_FAILURES, guessing_told=False)
        return bool(row.update(guessing_told=True))

    def claim_lock(self) -> bool:
        """Return true once for each lock: it has no end, so the first to take the last wait away tells."""
        locked = self._row().filter(
            code_failures__gte=code_limits.FAILURES_THAT_LOCK, codes_blocked_until__isnull=False
        )
        return bool(locked.update(codes_blocked_until=None))

    def clear_failures(self) -> None:
        """The caller saves RECOVERY_FIELDS."""
        self.code_failures, self.codes_blocked_until, self.guessing_told = 0, None, False

    def take_first_step(self, step: int, now: datetime) -> None:
        """The caller saves CODE_FIELDS."""
        self.clear_failures()
        self.last_code_step, self.last_code_at = step, now

    def _row(self) -> "models.QuerySet[Self]":
        return type(self)._default_manager.filter(pk=self.pk)  # noqa: SLF001  Django's own way


def _at(seconds: float) -> Parameter:
    field: Any = models.DateTimeField()
    return Parameter("now", field, of=lambda now: now + timedelta(seconds=seconds))


def _blocked_until() -> Case:
    steps = [
        When(code_failures__lt=failures - 1, then=_after(failures - 1))
        for failures in code_limits.failures_with_a_delay()
    ]
    return Case(*steps, default=_at(code_limits.LONGEST_DELAY))


def _latest_end() -> Case:
    """No delay that was begun by this clock can end later; see code_wait."""
    steps = [
        When(code_failures=failures, then=_at(clock.SKEW + code_limits.delay_after(failures)))
        for failures in code_limits.failures_with_a_delay()
    ]
    return Case(*steps, default=_at(clock.SKEW + code_limits.LONGEST_DELAY))


def _after(failures: int) -> Expression:
    delay = code_limits.delay_after(failures)
    return _at(delay) if delay else Value(None, models.DateTimeField())


def _free() -> "models.QuerySet[Any]":
    free = Q(codes_blocked_until=None) | Q(codes_blocked_until__lte=_at(0))
    free |= Q(codes_blocked_until__gt=_latest_end())
    users: Any = get_user_model()._default_manager.filter(pk=Parameter("user", models.BigIntegerField()))  # noqa: SLF001
    return users.filter(free, code_failures__lt=Parameter("lock", models.IntegerField()))  # type: ignore[no-any-return]


def _as_read(**steps: Parameter) -> "models.QuerySet[Any]":
    """The row of a free user, while nothing has ended what the code is typed into."""
    # The nonce is part of the condition: a reset or a new phone in between makes the code worthless. All
    # of it stands in the one row: a condition on another table becomes a subquery, which PostgreSQL does
    # not look at again when it has waited for that row, so that each of two at once would spend the code.
    return _free().filter(session_nonce=Parameter("nonce", models.CharField()), **steps)


_STEP = Parameter("step", models.BigIntegerField())
_CLEARED = {"code_failures": 0, "codes_blocked_until": None, "guessing_told": False}
# Each has a branch for every length of the delay: Django would take longer to write that than a login takes.
_COUNT_WRONG = CompiledUpdate(
    lambda: (_free(), {"code_failures": F("code_failures") + 1, "codes_blocked_until": _blocked_until()})
)
_SPEND_STEP = CompiledUpdate(
    lambda: (
        _as_read(last_code_step__lt=_STEP),
        {**_CLEARED, "last_code_step": _STEP, "last_code_at": _at(0)},
    )
)
_SPENT = CompiledQuery(lambda: _as_read(last_code_step=_STEP).only("pk"))


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
        """Raises vault.SecretUnreadableError."""
        return vault.unseal(self.sealed_secret, self.user_id, vault.Purpose.SECRET)

    @property
    def recovery_codes_left(self) -> int:
        return recovery.number_of(self.recovery_hashes)

    def step_of(self, code: str, now: datetime) -> int | None:
        return totp.matching_step(self.secret, code, now.timestamp())

    def spend_recovery_code(self, code: str) -> bool:
        """Return true once for each code, however many requests bring it at the same time."""
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
        return browser_name(self.user_agent)
