"""Is this code right? The one place that answers, for sign-in, reset and every other proof.

One statement spends a right code or counts a wrong one, before anybody hears which it was. `by` is who
tries, for the audit trail. Where the server cannot read the secret, SecretUnreadableError is raised and
nothing is counted.

The code that was accepted last is told from a wrong one, and does not count as one: a person who types it
once more has made no mistake. That helps nobody to guess. Whoever hits it by chance has been counted for
every miss before, reads of a code that opens nothing, and learns nothing of the next one; and within a wait
it is looked at as little as any other.
"""

import logging
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.audit.trail import Origin, record
from accounts.durations import HOUR
from accounts.limits import refusals
from accounts.limits.refusals import What
from accounts.mail.notices import tell
from accounts.models import Action
from twofactor import code_limits, emails, enrollment, recovery
from twofactor.models import TwoFactorUser

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a code is not accepted: a wait in seconds, a lock until a reset, used up already, or else wrong."""

    wait: int
    locked: bool
    spent: bool = False
    # Whether it counts as a wrong one. One that was not looked at does not, nor one that was right before.
    counts: bool = True
    # For how many seconds no code from the app counts, since the server's clock was set back.
    ahead: int = 0


def check_any(user: TwoFactorUser, code: str, by: Origin) -> Refusal | None:
    recovery_code = recovery.normalize(code)
    if recovery.is_code(recovery_code):
        return check_recovery(user, recovery_code, by)
    return check(user, code, by)


def check(user: TwoFactorUser, code: str, by: Origin) -> Refusal | None:
    now = timezone.now()
    enrollment.check_readable(user)
    if user.code_wait(now) or user.is_locked:
        # How long the answer takes must not tell a right code from a wrong one.
        return _not_looked_at(user, by, now)
    if ahead := user.seconds_ahead(now):
        logger.warning(
            "Operator %d: a code of %d seconds ahead was accepted. Is the clock right?", user.pk, ahead
        )
        return Refusal(wait=0, locked=False, counts=False, ahead=ahead)
    step = user.authenticator.step_of(code, now)
    if step is not None and user.accept_step(step, now):
        return None
    if step is not None and user.has_spent(step, now):
        return Refusal(wait=0, locked=False, spent=True, counts=False)
    return _wrong(user, by, now)


def check_recovery(user: TwoFactorUser, code: str, by: Origin) -> Refusal | None:
    now = timezone.now()
    enrollment.check_readable(user)
    if not user.admit_code(now):
        return _refused_meanwhile(user, by, now)
    if _spend_recovery_code(user, code, by):
        return None
    return _failed(user, by, now)


@transaction.atomic
def _spend_recovery_code(user: TwoFactorUser, code: str, by: Origin) -> bool:
    if not user.authenticator.spend_recovery_code(code):
        return False
    if not user.accept_recovery_code():
        transaction.set_rollback(True)
        return False
    left = user.authenticator.recovery_codes_left
    record(Action.RECOVERY_CODE_USED, by=by, subject=user, new=str(left))
    tell(user, emails.RECOVERY_CODE_USED, by.address, left=left)
    return True


def few_left(user: TwoFactorUser) -> bool:
    return user.authenticator.recovery_codes_left <= recovery.FEW


def _wrong(user: TwoFactorUser, by: Origin, now: datetime) -> Refusal:
    # A wait may have begun since the user was read: then nothing is counted.
    return _failed(user, by, now) if user.admit_code(now) else _refused_meanwhile(user, by, now)


def _failed(user: TwoFactorUser, by: Origin, now: datetime) -> Refusal:
    record(Action.CODE_FAILED, by=by, subject=user)
    user.refresh_from_db(fields=["code_failures", "codes_blocked_until"])
    refusal = Refusal(wait=user.code_wait(now), locked=user.is_locked)
    with transaction.atomic():
        if user.claim_wrong_codes_notice():
            tell(user, emails.CODES_ARE_TRIED, by.address, number=code_limits.FREE_FAILURES + 1)
    if refusal.locked:
        _tell_of_lock(user, by)
    return refusal


def _refused_meanwhile(user: TwoFactorUser, by: Origin, now: datetime) -> Refusal:
    """The wait or the lock has begun since the user was read."""
    user.refresh_from_db(fields=["code_failures", "codes_blocked_until"])
    return _not_looked_at(user, by, now)


def _not_looked_at(user: TwoFactorUser, by: Origin, now: datetime) -> Refusal:
    refusal = Refusal(wait=user.code_wait(now), locked=user.is_locked, counts=False)
    refusals.note(What.CODES, user, by, refusal.wait or HOUR)
    return refusal


@transaction.atomic
def _tell_of_lock(user: TwoFactorUser, by: Origin) -> None:
    """Tell once, however many wrong codes come at that moment."""
    if user.claim_lock():
        record(Action.AUTHENTICATOR_LOCKED, by=by, subject=user)
        emails.authenticator_locked(user, by.address)
